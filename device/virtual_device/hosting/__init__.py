"""A device that runs other devices: those of its manifest."""
