"""Protobuf messages to queries, slates to protobuf messages."""
