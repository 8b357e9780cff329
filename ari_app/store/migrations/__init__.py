"""How the database came to be what tables.py says, one step a file in versions/ (Alembic).

A new step is written by hand: copy the last file, name its revision, change tables.py to match; a test compares both.
"""
