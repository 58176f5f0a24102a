"""Panels of the page: each has a Python file, a JavaScript module and a stylesheet."""
