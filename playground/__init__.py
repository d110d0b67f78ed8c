"""The playground command and the local cloud; never deployed.

What the command decides as the functions do, it decides by their own code: `common.jsontext` and
`common.jsonvalues`, by which JSON is read, `common.device_wish` with `common.errors`, which refuses
a wish, `common.statuses`, and `common.answers`, which tells what a device has answered. They need
nothing but the standard library. `bootstrap.py` puts `functions/` last on the path of the command's
environment.
"""
