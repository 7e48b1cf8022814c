"""Two components for Endcap."""
