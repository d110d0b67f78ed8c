"""What the broker's presence events mean for the catalog and for a waiting workflow."""
