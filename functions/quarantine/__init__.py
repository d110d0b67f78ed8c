"""What confines a device that misbehaves, and lets it out again: one module per state of the two
workflows.
"""
