"""A look at the whole stack where it runs, from its definitions to a roll, and a report that can be
sent to others.

`checks` is the table, `trial` what the checks share and clean up, `runner` goes through them,
`report` writes it down.
"""
