"""Exact replacements in a text: all of them, or a sentence about the first that does not fit."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.tools.plain import shown


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One replacement: the old text, which must be there exactly once, and the new.

    `all`: it may be there any number of times, and is replaced each time.
    """

    old: Annotated[str, Field(min_length=1)]
    new: str
    all: bool = False


def edited(text: str, edits: Sequence[Edit], path: str) -> str:
    """Return the text with all edits made, each upon what the one before has left."""
    if not edits:
        raise PermanentToolError(f"there is no edit to be made in {shown(path)}; give one")
    for number, edit in enumerate(edits, 1):
        count = text.count(edit.old)
        which = f"edit {number} of {len(edits)} in {shown(path)}"
        if count == 0:
            raise PermanentToolError(f"{which}: its old text is not there{_hint(text, edit.old)}")
        if count > 1 and not edit.all:
            raise PermanentToolError(
                f"{which}: its old text is there {count} times; give more of what stands round it, "
                "or set all"
            )
        text = text.replace(edit.old, edit.new)
    return text


def _hint(text: str, old: str) -> str:
    if "\r\n" in text and "\n" in old and text.count(old.replace("\n", "\r\n")):
        return "; the lines of this file end in CR LF, so write \\r\\n"
    if " ".join(old.split()) in " ".join(text.split()):
        return "; only its blanks and line breaks differ, so read the file again and copy exactly"
    return "; read the file again and copy exactly"
