"""The parts of `endcap demo`: prepare a bundle, serve it, choose whom to rank for, show what comes back."""
