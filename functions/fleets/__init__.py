"""Fleets: many devices from one file, made and removed by the workflows of a single device."""
