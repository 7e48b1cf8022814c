"""The online pipeline: one folder a stage, one file a component."""
