"""What devices say and are told: commands, messages as they come, and logs."""
