"""The categories of what is looked for, and what stands in its place afterwards."""

from typing import Literal, NamedTuple, cast, get_args

Category = Literal[
    "email", "phone", "national_id", "iban", "card", "api_key", "private_key", "password", "name"
]
"""`name` is found by Presidio alone: no pattern knows one."""

Found = Category | Literal["secret"]
"""A secret that is known by its name is none of a policy's business: it is always taken out."""

CATEGORIES = cast("tuple[Category, ...]", get_args(Category))


class Finding(NamedTuple):
    """A piece of a text that belongs to a category."""

    start: int
    stop: int
    category: Found


def placeholder(category: Found) -> str:
    """Return what a person and a model see instead.

    The same for every value of a category: what it was is reversible for nobody, not even by
    guessing at a hash.
    """
    return f"[{category.replace('_', ' ')}]"


PLACEHOLDERS: frozenset[str] = frozenset({placeholder("secret"), *map(placeholder, CATEGORIES)})
