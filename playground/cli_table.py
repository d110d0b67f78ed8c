"""Which commands there are, where, and what the help text says of each: so it need not load them.

A test holds this to what the modules say of themselves.
"""

from typing import NamedTuple


class Listed(NamedTuple):
    """A command, or a group of commands."""

    name: str
    module: str
    """Of this package; its `app` has the command."""
    told: str
    """The first paragraph of its help text."""
    hidden: bool = False


PANELS: dict[str, tuple[Listed, ...]] = {
    "The cloud": (
        Listed(
            "up", "cli_cloud", "Start the local cloud, or bring it up to date with the sources."
        ),
        Listed("down", "cli_cloud", "Stop the local cloud; devices and data are kept."),
        Listed("reset", "cli_cloud", "Stop the local cloud and delete everything in it."),
        Listed(
            "status", "cli_status", "Show what is running, where, and how many devices there are."
        ),
        Listed(
            "env",
            "cli_shell",
            (
                "Print the exports that point any AWS tool at the local cloud: eval "
                '"$(playground env)".'
            ),
        ),
        Listed(
            "relay",
            "cli_relay",
            "Let containers reach the local cloud, until Ctrl-C: for `sam local invoke`.",
        ),
        Listed(
            "sweep",
            "cli_sweep",
            "Remove leftovers of executions that were aborted and of functions that were killed.",
        ),
        Listed(
            "destroy",
            "cli_cloud",
            "Remove every device and the stack; call it again after an interruption.",
        ),
        Listed(
            "selfcheck",
            "cli_selfcheck",
            (
                "Try the whole stack with two devices of its own, remove them, and write a "
                "report without\nsecrets."
            ),
        ),
    ),
    "Devices": (
        Listed("create", "cli_lifecycle", "Provision a device and show each step."),
        Listed(
            "models",
            "cli_devices",
            "List the models that devices come with, each with a sample of its telemetry.",
        ),
        Listed("list", "cli_devices", "List the devices of the catalog, a line each."),
        Listed(
            "show",
            "cli_devices",
            "Show one device: status, certificate, and each setting as it is desired and reported.",
        ),
        Listed("describe", "cli_devices", "The same as `show`."),
        Listed(
            "restart",
            "cli_lifecycle",
            (
                "Restart a device with a new task and a new certificate, also one that has "
                "failed; show each step."
            ),
        ),
        Listed(
            "delete",
            "cli_lifecycle",
            "Delete devices: task, certificate, shadow and thing; shows each step.",
        ),
        Listed(
            "demo",
            "cli_demo",
            "A tour: provision a device, see its telemetry, change it through its shadow.",
        ),
        Listed(
            "settings",
            "cli_settings",
            (
                "List the settings of a device type or a device: which values, the default, "
                "what each does."
            ),
        ),
        Listed(
            "set",
            "cli_settings",
            "Change settings through the device's shadow, and wait for its answer.",
        ),
        Listed(
            "unset",
            "cli_settings",
            "Take keys out of the shadow's `desired`, also those that are no settings.",
        ),
        Listed(
            "certificates",
            "cli_certificates",
            "Show each device's certificate: its age, and when it is due for replacement.",
        ),
        Listed(
            "link",
            "cli_links",
            (
                "Let a switch drive a bulb: from now on `command SWITCH press` changes the "
                "bulb's light."
            ),
        ),
        Listed(
            "unlink",
            "cli_links",
            "Remove a link: the switch loses the right to change the bulb's light.",
        ),
        Listed(
            "links",
            "cli_links",
            "List which switch drives which bulbs; with a name, only the links of that device.",
        ),
        Listed(
            "job",
            "cli_jobs",
            "Jobs for devices: change the unit, rotate the certificate, update the firmware.",
        ),
    ),
    "Messages and logs": (
        Listed(
            "command", "cli_messages", "Send a device a command over MQTT and wait for its reply."
        ),
        Listed(
            "watch",
            "cli_messages",
            "Show the messages to and from devices, a line each, until Ctrl-C.",
        ),
        Listed("listen", "cli_messages", "Show all messages of the account, until Ctrl-C."),
        Listed(
            "logs",
            "cli_logs",
            (
                "Show the log lines of functions, workflows and the device itself about one "
                "device, by time."
            ),
        ),
    ),
    "Images": (
        Listed(
            "push",
            "cli_images",
            (
                "Build the device image from device/ for new tasks; `playground roll` moves "
                "running devices to it."
            ),
        ),
        Listed(
            "roll",
            "cli_images",
            (
                "Move running devices to the current image, one by one; stops at the first "
                "that does not come up."
            ),
        ),
        Listed("images", "cli_images", "List the device images and the devices that run them."),
    ),
    "Security": (
        Listed(
            "audit",
            "cli_audit",
            "Check devices, certificates and policies as AWS IoT Device Defender does.",
        ),
        Listed(
            "findings",
            "cli_security",
            "List what devices were found to do wrong, the newest first.",
        ),
        Listed(
            "verdicts",
            "cli_security",
            "List findings: the old name of the command, kept for scripts.",
            hidden=True,
        ),
        Listed("quarantine", "cli_quarantine", "Put a device into quarantine and show each step."),
        Listed(
            "release",
            "cli_quarantine",
            "Release a device from quarantine with a new certificate, and show each step.",
        ),
        Listed(
            "drill",
            "cli_quarantine",
            "Run a security exercise: a rogue misbehaves, is found, quarantined and released.",
        ),
    ),
    "HTTP API": (
        Listed(
            "token",
            "cli_users",
            (
                "Print an access token for the HTTP API, good for an hour; "
                "PLAYGROUND_PASSWORD answers the question."
            ),
        ),
        Listed("api", "cli_users", "Print the URL of the HTTP API."),
        Listed("user", "cli_users", "Who may use the HTTP API."),
    ),
    "Shell": (
        Listed(
            "completion",
            "cli_shell",
            (
                "Print the script that lets the Tab key complete commands, options, devices, "
                "types and operations."
            ),
        ),
        Listed(
            "help",
            "cli_help",
            "Tell what there is, or how a command is used: the same as `--help` behind it.",
        ),
    ),
}
"""Under which headings the help text lists them."""
