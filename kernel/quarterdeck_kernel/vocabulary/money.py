"""Money: whole micro-dollars inside, exact decimals of dollars outside."""

from decimal import Decimal, InvalidOperation
from typing import Final

from quarterdeck_kernel.errors import InvalidError

_MICROS: Final = 1_000_000
_DOLLAR: Final = Decimal(_MICROS)


def micros_of(dollars: Decimal | int | str) -> int:
    """Return an amount of dollars as micro-dollars; what is finer, or no amount, is refused."""
    if isinstance(dollars, bool | float):
        raise InvalidError(
            f"{dollars!r} is not exact; give an amount of money as a Decimal or text"
        )
    try:
        exact = Decimal(dollars) * _DOLLAR
    except (InvalidOperation, TypeError, ValueError) as error:
        raise InvalidError(f"{dollars!r} is no amount of dollars") from error
    if not exact.is_finite() or exact != exact.to_integral_value():
        raise InvalidError(f"{dollars!r} is not a whole number of millionths of a dollar")
    return int(exact)


def dollars_of(micros: int) -> Decimal:
    """Return micro-dollars as dollars, exactly."""
    return Decimal(micros).scaleb(-6)
