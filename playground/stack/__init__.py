"""What concerns a stack as a whole: the tour, the users of its API, SAM beside it, and its end."""
