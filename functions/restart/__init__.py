"""What brings a device back whose task was stopped: one module per state of the workflow, and who
starts it.
"""
