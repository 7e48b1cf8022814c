"""The offline half: tables in, a bundle out."""
