"""Serving the lessons with Voila."""
