"""What the command `playground` asks of the device's code: each is a program of its own."""
