"""Least privilege: every action of every function's role is refused once, and given back when it
was asked for.

`python -m proofs.least_privilege [--write]` runs all of it.
"""
