"""The engine: what turns decisions into events, and events into what runs next."""
