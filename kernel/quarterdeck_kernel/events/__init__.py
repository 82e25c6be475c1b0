"""Events: what may stand in a log, and the sealed envelope it stands in."""
