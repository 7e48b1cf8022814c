"""The plain pipeline: what an engineer writes in an afternoon with the usual libraries. What Endcap is compared with.

implicit for factors, scipy for sparse products, a flat FAISS index over the same embeddings, dicts for what is counted
and merged, LightGBM's own ``predict``, torch for the small network and, with transformers, for the query. It is given
the same trained arrays, recalls the same candidates, builds the same features and returns the same slate. Nothing in it
is slowed down on purpose: what is known ahead of a request is worked out when it starts, and only columns that the
ranker reads are built. It gives no reasons and forgives no misspelt searches, which Endcap does within its time.
"""
