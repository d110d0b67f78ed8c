"""What one types: each command, or each few that belong together, in a module that is loaded when
one of them is used. `line/table.py` names them.
"""
