"""The fault matrix: every call of every state, failing in every way, on the real workflows and
functions.

`python -m proofs.fault_matrix [--write]` runs all of it; tests/workflow/test_fault_matrix.py a
part.
"""
