"""Agents: what one is, its turns, and what it keeps: context, memory, skills, sub-agents."""
