"""Pages without Python: the lessons as a static site."""
