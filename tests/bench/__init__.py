"""Figures, never pass or fail by the clock: `make bench [ONLY=prefix]` prints a table and writes bench.json."""
