"""Every shell block of README.md and docs/, run as a reader pastes it: in order, in bash and
zsh.
"""
