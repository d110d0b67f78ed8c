"""What a device starts with and keeps: its config, its identity, its state directory."""
