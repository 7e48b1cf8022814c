"""From a shop's tables to a Shop: reading, cleaning, and numbering."""
