"""The gRPC server: codec, servicers, admission, lifecycle."""
