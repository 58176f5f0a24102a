"""Prune, quantize, evaluate, pack: torch and numpy, and nothing that displays."""
