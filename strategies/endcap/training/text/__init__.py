"""The text half offline: exporting the encoder, embedding the catalog's texts, indexing them."""
