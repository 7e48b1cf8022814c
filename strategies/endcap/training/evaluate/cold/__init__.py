"""Cold start, measured: whole items and whole shoppers are hidden from training, and then asked about."""
