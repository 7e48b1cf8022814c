"""The command line: endcap train, serve, demo, rank, strategies."""
