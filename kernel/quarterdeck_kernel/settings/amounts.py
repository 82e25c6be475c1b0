"""Amounts as they stand in settings, and the lower of two."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Final, TypeVar

from pydantic import Field

N = TypeVar("N", int, Decimal)

Usd = Annotated[Decimal, Field(gt=0, decimal_places=6, max_digits=18)]
"""Money: exact, above zero, at most six digits behind the point."""

Price = Annotated[Decimal, Field(ge=0, decimal_places=6, max_digits=18)]
Count = Annotated[int, Field(strict=True, ge=1)]

_MICROS: Final = 1_000_000


def micros(usd: Decimal) -> int:
    """Return an amount in millionths of a dollar."""
    return int(usd * _MICROS)


def lower(first: N | None, second: N | None) -> N | None:
    """Return the lower of two bounds; None is no bound."""
    return _chosen(min, first, second)


def higher(first: N | None, second: N | None) -> N | None:
    """Return the higher of two; None is not known."""
    return _chosen(max, first, second)


def _chosen(choose: Callable[[N, N], N], first: N | None, second: N | None) -> N | None:
    if first is None or second is None:
        return second if first is None else first
    return choose(first, second)
