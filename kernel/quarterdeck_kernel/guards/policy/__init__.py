"""Policy: rules and limits that people write down, and what they come to for a step."""
