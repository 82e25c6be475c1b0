"""Paths in arguments: where they lead, once `..` and links are resolved."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit


def places_of(text: str, root: Path) -> tuple[str, ...] | None:
    """Return where a path may lead: more than one place, if readers of paths disagree.

    A relative path is one below `root`. None: nobody can tell.
    """
    if "\0" in text or not text.strip():
        return None
    # Not every tool knows of homes and URLs: some take `~` and `file:` for names like any other.
    spellings = {text, os.path.expanduser(text)}  # noqa: PTH111 - of any text
    places: set[str] = set()
    try:
        if text.casefold().startswith("file:"):
            spellings |= {unquote(urlsplit(text).path), unquote(text[len("file:") :])}
        for spelling in spellings:
            whole = os.path.join(root, spelling)  # noqa: PTH118 - of any text
            # The system follows a link before the `..` behind it; who tidies up first does not.
            places |= {os.path.realpath(whole), os.path.realpath(os.path.normpath(whole))}
    except (OSError, ValueError):
        return None
    return tuple(sorted(places))


def under_any(place: str, folders: Iterable[str], root: Path, *, any_case: bool) -> bool:
    """Tell whether a place is one of the folders or below one."""
    for folder in folders:
        top = os.path.realpath(os.path.join(root, os.path.expanduser(folder)))  # noqa: PTH111, PTH118
        here = place
        if any_case:
            here, top = here.casefold(), top.casefold()
        if here == top or here.startswith(top.rstrip(os.sep) + os.sep):
            return True
    return False
