"""What knows nothing of clouds or devices: processes, signals, files, words of a command line."""
