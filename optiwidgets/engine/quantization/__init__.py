"""Quantization of weights and activations; GPTQ."""
