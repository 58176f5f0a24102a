"""Sensitivity of single layers, and bits and sparsity for each under a budget."""
