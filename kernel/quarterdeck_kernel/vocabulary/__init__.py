"""The words of the kernel as types: ids, actors, messages, usage, limits, projection rows."""
