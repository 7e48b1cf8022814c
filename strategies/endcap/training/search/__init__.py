"""Teaching the order of searches: from people's judgments, or from what shoppers clicked after they searched."""
