"""Compression pipeline: prune, recover, quantize."""
