"""Enforced mode: which guards there must be, and what is said where one is missing."""

from collections.abc import Collection
from typing import Final

from quarterdeck_kernel.errors import UnguardedError
from quarterdeck_kernel.guards.chain import GuardKind

SECURITY: Final[dict[GuardKind, str]] = {
    "personal_data": "set [personal_data]",
    "capability": "it stands in every kernel",
    "policy": "write [[rules]] or [limits]",
    "budget": "set [budgets]",
}
"""The kinds that protect from what is done, and how to have one of each. The others protect runs
from themselves: loops and errors in a row."""


def check_enforced(kinds: Collection[GuardKind]) -> None:
    """Refuse guards that do not cover what enforced mode promises."""
    missing = [f"{kind} ({how})" for kind, how in SECURITY.items() if kind not in kinds]
    if missing:
        raise UnguardedError(
            f"guards.mode is 'enforced', and these guards are missing: {', '.join(missing)}; "
            "configure them in quarterdeck.toml, hand in guards of these kinds, or set guards.mode "
            "to 'open'"
        )
