"""The soak: a working relay in a storm of everything that is known to go wrong, and a count of what came of it."""
