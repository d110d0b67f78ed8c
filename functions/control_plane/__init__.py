"""The HTTP API: devices made, listed, described and removed; openapi/ says what it takes and what
it answers.
"""
