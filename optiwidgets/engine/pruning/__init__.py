"""Pruning scores, masks, and the pruner that applies them."""
