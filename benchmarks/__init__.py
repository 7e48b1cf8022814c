"""Measurements of Endcap: each module prints a table and writes JSON, as `python -m benchmarks.NAME`."""
