"""Mixed precision: sensitivity of single layers, and per-layer bits and sparsity in a budget."""
