"""The text half online: query text to vector, and the catalog's nearest texts."""
