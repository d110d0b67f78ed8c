"""What CI checks besides behaviour: known vulnerabilities, secrets, licences. `make security` runs
them.
"""
