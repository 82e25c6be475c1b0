"""Check digits: what tells an account number from any other row of digits."""

from collections.abc import Sequence


def digits_of(text: str) -> str:
    """Return the digits of a text, without what separates them."""
    return "".join(c for c in text if "0" <= c <= "9")


def luhn(digits: str) -> bool:
    """Tell whether the last digit is right: cards, Swedish numbers."""
    total = 0
    for place, c in enumerate(reversed(digits)):
        digit = ord(c) - 48
        if place % 2:
            digit *= 2
            if digit > 9:  # noqa: PLR2004 - of a number of two digits, their sum
                digit -= 9
        total += digit
    return total % 10 == 0


def mod97(text: str) -> int:
    """Return the remainder of an IBAN that begins with its last four places moved to the end."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of digits, each times its weight."""
    return sum(int(c) * weight for c, weight in zip(digits, weights, strict=False))


def mod11_10(digits: str) -> bool:
    """Tell whether the last digit is right by ISO 7064, MOD 11,10."""
    product = 10
    for c in digits[:-1]:
        product = ((int(c) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def ean13(digits: str) -> bool:
    """Tell whether the last digit is right by EAN-13."""
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0
