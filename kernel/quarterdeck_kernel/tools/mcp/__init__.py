"""MCP servers as sources of tools. Nothing of this is imported before a server is configured."""
