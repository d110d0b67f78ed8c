"""What the catalog says of a device in one word (docs/contracts.md, "Catalog").

Standard library only: the command imports this module from outside Lambda.
"""

THERE = ("PROVISIONING", "ONLINE", "OFFLINE", "QUARANTINED", "STOPPED", "FAILED")
"""Of devices that are there, or whose making has failed: what lists show."""

STATUSES = (*THERE, "TERMINATED")
"""All: those that were deleted are told to who asks for them, and kept for ever."""
