"""Virtual AWS IoT devices: real MQTT 5 clients that follow their classic shadow.

One or thousands in a process. Imports go down this list only (`make lint`):

- `__main__` starts, `tools` are programs for the command `playground`
- `host` runs many devices, `device` joins one, `capabilities` is the table of what it can do
- `hosting`, `jobs`, `rogue`; below them `commands`, `links`, `metrics`, `rotation`: capabilities
- `core`: the brain, which is pure, the mind around it, and what a capability sees of a device
- `shadow`: its documents and the settings in it
- `connection`: `mqtt` and `sdk_job_service` alone know the SDK; `firmware`: images and versions
- `state`: config, identity and what is kept
- `telemetry`: who a device is and what it says, from the files in `models/`
- `web`: what is fetched and sent over HTTP
- `base`: JSON, errors, logs, time, threads
"""
