"""Capabilities: what a tenant may use, and what a child may use of it."""
