"""The local cloud is killed at random moments of its work, again and again, and everything is
counted.
"""
