"""Evaluation: inference on images, metrics, comparisons of two reports, verdicts."""
