"""Sliders and menus that define a recipe."""
