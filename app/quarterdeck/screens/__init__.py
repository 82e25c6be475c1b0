"""Screens: where widgets are put together and the newest glimpse is handed to them."""
