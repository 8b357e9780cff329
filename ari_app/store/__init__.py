"""Calls, turns and results in a database: records.py what is kept, store.py writes, reader.py reads."""
