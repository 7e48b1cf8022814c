"""The same pipelines behind other servers. Each file runs in an environment of its own: see benchmarks.peers.

All are set up alike: so many worker processes, one thread of compute each, warm before the first request. They take the
bytes of a RankRequest and give those of a RankResponse, over gRPC under whatever method the server has, or over HTTP.
"""
