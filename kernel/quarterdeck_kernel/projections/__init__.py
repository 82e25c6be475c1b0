"""Projections: pure folds from events to what the screen, the journal and the engine need."""
