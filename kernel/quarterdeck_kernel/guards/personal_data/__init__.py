"""Personal data and secrets: found in what goes in and out, and taken out before it is kept."""
