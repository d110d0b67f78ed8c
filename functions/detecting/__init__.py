"""Devices that misbehave: what was seen, counted in windows, and judged (docs/security.md)."""
