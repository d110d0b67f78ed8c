"""The ways to become a device, side by side, recorded from runs on a local cloud."""
