"""A device's `brain`, which is pure, the `mind` that carries it out, and what a `capability` sees
of both.
"""
