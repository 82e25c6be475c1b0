"""Deterministic simulation: several processes, their clocks and their database, by one seed."""
