"""Verbs on a run that need no lease, a verb a file: what people decide, from whatever process."""
