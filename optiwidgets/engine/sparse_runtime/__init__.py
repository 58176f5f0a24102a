"""Sparse runtime: building, loading and reporting a native library that skips pruned weights."""
