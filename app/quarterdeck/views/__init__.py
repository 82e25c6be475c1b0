"""What is shown, as pure functions and values: no Textual, no store, no clock of its own."""
