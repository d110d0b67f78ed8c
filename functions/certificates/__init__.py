"""Certificates of devices: how they are made, written down, put into force and removed; the first
and the next.
"""
