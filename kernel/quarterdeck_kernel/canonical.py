"""Canonical JSON: one sequence of bytes for one value.

Owns the encoding that every hash, digest and key of the kernel is taken over: keys sorted by code
point, compact, UTF-8, decimals as strings, NaN and infinities refused, lone surrogates made
visible. It must not know what it encodes.
"""

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from quarterdeck_kernel.errors import NotCanonicalError


class Encoded(NamedTuple):
    """Canonical JSON as text and as its UTF-8 bytes, for who needs both.

    `as_given`: no character had to be made visible, so that reading gives what was encoded.
    """

    text: str
    data: bytes
    as_given: bool


SPELT_OUT = "<U+D"
"""How the name of every lone surrogate begins: a text without it stands as it was given."""


def _fallback(value: object) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            message = f"the decimal {value!r} is not a finite number; record a finite one"
            raise NotCanonicalError(message)
        return str(value)
    message = f"{type(value).__name__} has no JSON form; convert {value!r} to plain data first"
    raise NotCanonicalError(message)


def _made_encoder() -> Callable[[object], str]:
    """Return the encoder, made once where CPython's own can be: `json` makes one a call."""
    plain = json.JSONEncoder(
        ensure_ascii=False,
        allow_nan=False,
        check_circular=False,
        sort_keys=True,
        separators=(",", ":"),
        default=_fallback,
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    encode_string = json.encoder.encode_basestring
    # CPython's own signature: sort_keys, skipkeys, allow_nan.
    pieces = make(None, _fallback, encode_string, None, ":", ",", True, False, False)  # noqa: FBT003 - positional only
    return lambda value: "".join(pieces(value, 0))


_encoder = _made_encoder()


def visible(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot carry, as names one can read."""
    try:
        # A hundred times quicker than a look at each character, and nearly always enough.
        text.encode()
    except UnicodeEncodeError:
        return _spelt_out(text)
    return text


def _spelt_out(text: str) -> str:
    return "".join(f"<U+{ord(c):04X}>" if "\ud800" <= c <= "\udfff" else c for c in text)


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        cleaned = {_cleaned(key): _cleaned(item) for key, item in value.items()}
        if len(cleaned) != len(value):
            message = "two keys differ only in characters that cannot be stored; rename one"
            raise NotCanonicalError(message)
        return cleaned
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def _check_keys(value: object) -> None:
    """Refuse keys that JSON would turn into text: two of them might become one."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                message = f"the key {key!r} is no text; use {str(key)!r} if that is what you mean"
                raise NotCanonicalError(message)
            if isinstance(item, dict | list | tuple):
                _check_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, dict | list | tuple):
                _check_keys(item)


def encode(value: object, *, from_model: bool = False) -> str:
    """Return the canonical JSON text of `value`; its UTF-8 bytes are what is hashed.

    `from_model` vouches that all keys are text already, as they are in what a pydantic model or a
    JSON reader made.
    """
    return encoded(value, from_model=from_model).text


def encoded(value: object, *, from_model: bool = False) -> Encoded:
    """Return the canonical JSON of `value` with its bytes.

    To encode a large text costs as much as to hash it, and is the check for lone surrogates.
    """
    try:
        if not from_model:
            _check_keys(value)
        text = _encoder(value)
        try:
            return Encoded(text, text.encode(), as_given=True)
        except UnicodeEncodeError:
            text = _encoder(_cleaned(value))
            return Encoded(text, text.encode(), as_given=False)
    except NotCanonicalError:
        raise
    except RecursionError:
        message = "the value is nested too deeply, or contains itself; flatten it"
        raise NotCanonicalError(message) from None
    except (TypeError, ValueError) as error:
        message = f"the value has no canonical JSON form: {error}"
        raise NotCanonicalError(message) from error


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(encoded(value).data).hexdigest()


def storable(value: object) -> Any:  # noqa: ANN401 - JSON of whatever shape
    """Return plain data as it will be read back: what cannot be stored is made visible now."""
    text, _data, as_given = encoded(value)
    return value if as_given else json.loads(text)
