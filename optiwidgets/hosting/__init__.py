"""Serving the lessons with Voila."""

from optiwidgets.hosting.app import NotServedError, serve

__all__ = ["NotServedError", "serve"]
