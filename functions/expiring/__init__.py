"""Devices that were made for a time."""
