"""Panels of the page: one Python file, one module and one stylesheet each."""
