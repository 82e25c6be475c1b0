"""Models: the port the engine asks through, and what answers behind it."""
