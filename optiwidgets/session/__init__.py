"""One user's state and its background worker."""
