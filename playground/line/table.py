"""Which commands there are, where, and what the help text says of each: so it need not load them.

A test holds this to what the modules say of themselves.
"""

from typing import NamedTuple


class Listed(NamedTuple):
    """A command, or a group of commands."""

    name: str
    module: str
    """Of the room `cli`; its `app` has the command."""
    told: str
    """The first paragraph of its help text."""
    hidden: bool = False


PANELS: dict[str, tuple[Listed, ...]] = {
    "The cloud": (
        Listed("up", "cloud", "Start the local cloud, or bring it up to date with the sources."),
        Listed("down", "cloud", "Stop the local cloud; devices and data are kept."),
        Listed("reset", "cloud", "Stop the local cloud and delete everything in it."),
        Listed("status", "status", "Show what is running, where, and how many devices there are."),
        Listed(
            "console",
            "console",
            "See the stack in a browser: devices, shadows, workflows, messages, and why.",
        ),
        Listed(
            "env",
            "shell",
            (
                "Print the exports that point any AWS tool at the local cloud: eval "
                '"$(playground env)".'
            ),
        ),
        Listed(
            "relay",
            "relay",
            "Let containers reach the local cloud, until Ctrl-C: for `sam local invoke`.",
        ),
        Listed(
            "sweep",
            "sweep",
            "Remove leftovers of executions that were aborted and of functions that were killed.",
        ),
        Listed(
            "destroy",
            "cloud",
            "Remove every device and the stack; call it again after an interruption.",
        ),
        Listed(
            "selfcheck",
            "selfcheck",
            (
                "Try the whole stack with two devices of its own, remove them, and write a "
                "report without\nsecrets."
            ),
        ),
    ),
    "Devices": (
        Listed("create", "lifecycle", "Provision a device and show each step."),
        Listed(
            "methods",
            "methods",
            (
                "Compare the ways to become a device: who makes the key, what a thief gets, and "
                "figures."
            ),
        ),
        Listed(
            "models",
            "devices",
            "List the models that devices come with, each with a sample of its telemetry.",
        ),
        Listed("list", "devices", "List the devices of the catalog, a line each."),
        Listed(
            "show",
            "devices",
            "Show one device: status, certificate, and each setting as it is desired and reported.",
        ),
        Listed("describe", "devices", "The same as `show`."),
        Listed(
            "restart",
            "lifecycle",
            (
                "Restart devices with a new task and a new certificate, also one that has failed "
                "or is\nstopped; shows each step."
            ),
        ),
        Listed(
            "stop",
            "lifecycle",
            (
                "Stop devices: no task any more, and no cost; thing and shadow stay. `restart` "
                "brings them\nback."
            ),
        ),
        Listed(
            "delete",
            "lifecycle",
            "Delete devices: task, certificate, shadow and thing; shows each step.",
        ),
        Listed(
            "cost",
            "cost",
            (
                "Say what devices have cost on AWS so far, and cost an hour and a month; here "
                "what they would."
            ),
        ),
        Listed(
            "fleet",
            "fleet",
            "Fleets: many devices from one file, made, changed and removed together.",
        ),
        Listed(
            "demo",
            "demo",
            "A tour: provision a device, see its telemetry, change it through its shadow.",
        ),
        Listed(
            "settings",
            "settings",
            (
                "List the settings of a device type or a device: which values, the default, "
                "what each does."
            ),
        ),
        Listed(
            "set",
            "settings",
            "Change settings through the device's shadow, and wait for its answer.",
        ),
        Listed(
            "unset",
            "settings",
            "Take keys out of the shadow's `desired`, also those that are no settings.",
        ),
        Listed(
            "certificates",
            "certificates",
            "Show each device's certificate: its age, and when it is due for replacement.",
        ),
        Listed(
            "authority",
            "authority",
            (
                "Your own certificate authority: its key stays here, and it signs what devices "
                "come with."
            ),
        ),
        Listed(
            "link",
            "links",
            (
                "Let a switch drive a bulb: from now on `command SWITCH press` changes the "
                "bulb's light."
            ),
        ),
        Listed(
            "unlink",
            "links",
            "Remove a link: the switch loses the right to change the bulb's light.",
        ),
        Listed(
            "links",
            "links",
            "List which switch drives which bulbs; with a name, only the links of that device.",
        ),
        Listed("serials", "serials", "Which serial numbers may join, by batch."),
        Listed(
            "job",
            "jobs",
            "Jobs for devices: change the unit, rotate the certificate, update the firmware.",
        ),
    ),
    "Messages and logs": (
        Listed("why", "why", "Say what is wrong with a device, why, and what to do."),
        Listed(
            "explain",
            "why",
            "Say what a device's policies allow: which statement decides, or which comes nearest.",
        ),
        Listed("command", "messages", "Send a device a command over MQTT and wait for its reply."),
        Listed(
            "watch",
            "messages",
            "Show the messages to and from devices, a line each, until Ctrl-C.",
        ),
        Listed("listen", "messages", "Show all messages of the account, until Ctrl-C."),
        Listed(
            "logs",
            "logs",
            (
                "Show the log lines of functions, workflows and the device itself about one "
                "device, by time."
            ),
        ),
    ),
    "Images": (
        Listed(
            "push",
            "images",
            (
                "Build the device image from device/ for new tasks; `playground roll` moves "
                "running devices to it."
            ),
        ),
        Listed(
            "roll",
            "images",
            (
                "Move running devices to the current image, one by one; stops at the first "
                "that does not come up."
            ),
        ),
        Listed("images", "images", "List the device images and the devices that run them."),
    ),
    "Security": (
        Listed(
            "audit",
            "audit",
            "Check devices, certificates and policies as AWS IoT Device Defender does.",
        ),
        Listed(
            "findings",
            "findings",
            "List what devices were found to do wrong, the newest first.",
        ),
        Listed(
            "verdicts",
            "findings",
            "List findings: the old name of the command, kept for scripts.",
            hidden=True,
        ),
        Listed("quarantine", "quarantine", "Put a device into quarantine and show each step."),
        Listed(
            "release",
            "quarantine",
            "Release a device from quarantine with a new certificate, and show each step.",
        ),
        Listed(
            "drill",
            "quarantine",
            "Run a security exercise: a rogue misbehaves, is found, quarantined and released.",
        ),
    ),
    "HTTP API": (
        Listed(
            "token",
            "users",
            (
                "Print an access token for the HTTP API, good for an hour; "
                "PLAYGROUND_PASSWORD answers the question."
            ),
        ),
        Listed("api", "users", "Print the URL of the HTTP API."),
        Listed("user", "users", "Who may use the HTTP API."),
    ),
    "Shell": (
        Listed(
            "completion",
            "shell",
            (
                "Print the script that lets the Tab key complete commands, options, devices, "
                "types and operations."
            ),
        ),
        Listed(
            "help",
            "help",
            "Tell what there is, or how a command is used: the same as `--help` behind it.",
        ),
    ),
}
"""Under which headings the help text lists them."""
