"""The compression pipeline: prune, recover, quantize."""
