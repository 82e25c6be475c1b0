"""A model on this machine: a GGUF file, served on loopback by a process of its own."""
