"""Who may do what: everything that a device, a stranger or a function must be refused, tried for
real.
"""
