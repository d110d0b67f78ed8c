"""Why something happened to a device: its record, its policies, and the trouble in plain words.

Read by the HTTP API and by the command `playground why`; writes nothing.
"""
