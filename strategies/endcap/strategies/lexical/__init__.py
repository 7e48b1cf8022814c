"""Words as a search engine sees them: tokens, spelling, and the inverted index that training wrote."""
