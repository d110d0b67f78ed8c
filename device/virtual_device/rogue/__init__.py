"""The device type that misbehaves."""
