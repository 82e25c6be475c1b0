"""Dialogs: what is asked, chosen or read on top of a screen. None of them knows a screen."""
