"""Moving devices that run to another image, one after the other: one module per function of the
workflow.
"""
