"""What is found wrong with devices, and what is done about it."""
