"""Where events are kept: the port, and what every adapter shares."""
