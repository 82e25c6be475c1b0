"""Widgets: they draw what views compute, and tell screens what was pressed."""
