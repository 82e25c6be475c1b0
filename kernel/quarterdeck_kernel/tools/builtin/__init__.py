"""Tools that come with Quarterdeck: files, a shell, HTTP, SQLite, an agent's own plan."""
