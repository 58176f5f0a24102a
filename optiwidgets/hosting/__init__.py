"""Serving the lessons with Voila."""

from optiwidgets.hosting.app import Hosting, NotServedError, serve

__all__ = ["Hosting", "NotServedError", "serve"]
