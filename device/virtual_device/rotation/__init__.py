"""The change to a new certificate, and what is kept of it."""
