"""Activities for a class: autoplay, hidden recipe, prediction, projector."""
