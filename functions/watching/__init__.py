"""Figures about the fleet, for the dashboard."""
