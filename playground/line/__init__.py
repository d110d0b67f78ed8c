"""The command line that all commands share: options, help, completion, and how each one ends."""
