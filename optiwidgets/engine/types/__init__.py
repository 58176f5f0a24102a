"""Frozen values that all other rooms share: recipes, reports, measurements, sweeps."""
