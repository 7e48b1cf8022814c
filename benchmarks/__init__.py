"""Measurements of Endcap: each module prints a table and writes JSON. `python -m benchmarks.NAME` from the repository."""
