"""Commands and their answers. `commands` and `requests` are pure, `command_client` knows the
topics.
"""
