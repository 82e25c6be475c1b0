"""How a person likes the screen. Settings fill it; the settings screen changes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Glyphs = Literal["rich", "plain"]
Notices = Literal["all", "urgent", "none"]

GLYPHS: tuple[Glyphs, ...] = get_args(Glyphs)
NOTICES: tuple[Notices, ...] = get_args(Notices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Theme, glyphs, mouse, notices and keys; a value, so a change makes another one.

    `notices`: of what arrives all, only the urgent (unknown, expiring), or none is announced.
    Errors always are. `keymap` has been judged by `keymap.keymap_problems`.
    """

    theme: str = "night"
    glyphs: Glyphs = "rich"
    mouse: bool = True
    notices: Notices = "all"
    keymap: Mapping[str, object] = field(default_factory=dict)
