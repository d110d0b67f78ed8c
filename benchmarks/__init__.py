"""Where the performance figures come from: `make bench`, or `python -m benchmarks [NAME ...]`;
docs/evidence/benchmarks.md.
"""
