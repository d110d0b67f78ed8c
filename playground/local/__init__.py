"""The local cloud: emulator, stack and task agent on this machine."""
