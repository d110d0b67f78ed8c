"""What every capability knows of a device: its row in the catalog, its policies, and when it has
come to rest.
"""
