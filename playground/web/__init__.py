"""The console's server on this machine: its page, who is signed in, and the way to the HTTP API."""
