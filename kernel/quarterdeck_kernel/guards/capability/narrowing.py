"""Narrowing: a child has at most what its parent has, however deep."""

from collections.abc import Iterable


def narrowed(parent: frozenset[str], wanted: Iterable[str] | None = None) -> frozenset[str]:
    """Return the capabilities of a child that asks for some; None asks for all its parent has."""
    return parent if wanted is None else parent.intersection(wanted)
