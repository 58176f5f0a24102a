"""Beliefs about pruning and quantization, each with a measurement that tests it."""
