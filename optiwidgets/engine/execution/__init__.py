"""Worker threads, progress and cancelling, atomic file writes."""
