"""Base class of the panels, their feed, the JavaScript they share, the theme."""
