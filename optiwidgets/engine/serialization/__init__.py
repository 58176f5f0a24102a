"""Packed file: writer, reader, entropy coder and its probability models."""
