"""Firmware images, where they come from, and which version is installed."""
