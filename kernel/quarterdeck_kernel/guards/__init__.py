"""Guards: what judges a step before it happens."""
