"""Validation of everything a browser sends to a kernel."""
