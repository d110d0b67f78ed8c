"""Fleets: many devices from one file, what they are put through, and what was heard of them."""
