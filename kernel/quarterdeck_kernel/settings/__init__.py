"""Settings: `quarterdeck.toml`, typed. A section a file; a key that is not known is an error."""
