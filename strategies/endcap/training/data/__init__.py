"""From a shop's tables to a Shop: reading, cleaning, and numbering."""

from endcap.training.data.read import read_shop

__all__ = ["read_shop"]
