"""A class that answers: votes, live tallies, the projector, and their store."""
