"""Experiments: run, measure, sweep and search recipes; caches of their reports."""
