"""Per-layer sliders and sensitivity curves."""
