"""Where the stack lives: the local cloud or AWS, whose account that is, and where files are."""
