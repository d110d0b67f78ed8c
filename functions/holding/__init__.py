"""Who may take a device from whom: the table of purposes, and all that is made from it."""
