"""Teaching, shrinking, exporting and fusing the BERT ranker: a cross-encoder over pairs of texts."""
