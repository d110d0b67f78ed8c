"""The playground command and the local cloud; never deployed."""
