"""Tasks: the only place that knows the meaning of a network's output."""
