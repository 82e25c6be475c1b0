"""The app's only door to the kernel: opens the workspace, reads it beside the screen's loop."""
