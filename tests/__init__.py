"""Tests in layers: unit (no network), workflow (the real ASL, injected faults), device (a real
broker), e2e.
"""
