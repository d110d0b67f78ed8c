"""What proves rather than tests: whole tables, each made by a program that fails when anything is
wrong.
"""
