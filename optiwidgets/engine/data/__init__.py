"""Data sets: loaders, validation, corruptions, and the images that the package ships."""
