"""The typed Python client of Endcap."""
