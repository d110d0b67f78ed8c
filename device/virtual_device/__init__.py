"""Virtual AWS IoT devices: real MQTT 5 clients that follow their classic shadow, one or thousands in a process.

From the inside out: `settings`, `shadow`, `model`, `telemetry` and `brain` are pure; `shadow_client` knows the shadow's
topics and answers, `mqtt` alone knows the MQTT library; `device` joins them, `host` runs many, `__main__` starts.
What a device can do besides is a `capability`; `capabilities` has the table. `commands` and `requests` are pure too,
`command_client` knows their topics, `replies` what a model answers besides.
"""
