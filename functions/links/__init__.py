"""Links: which switch may change the light of which bulb."""
