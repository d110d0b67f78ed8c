"""The audit of the stack's own devices and policies by the checks of AWS IoT Device Defender, and
its repair.
"""
