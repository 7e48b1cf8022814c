"""`endcap tune`: a search for better limits and ranker parameters, on days that no evaluation will ask for."""
