"""Devices: their catalog, settings, models, links and jobs, and the workflows that make and remove
them.
"""
