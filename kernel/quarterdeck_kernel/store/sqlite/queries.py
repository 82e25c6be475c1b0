"""The SQL of this adapter, read from the files beside it."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def sql_text(name: str) -> str:
    """Return the text of one of the `.sql` files of this package, such as `schema`."""
    return (
        files("quarterdeck_kernel.store.sqlite").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    )


@cache
def named_queries() -> dict[str, str]:
    """Return the statements of `queries.sql` by their names."""
    pieces = _NAME.split(sql_text("queries"))
    return {
        name: "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
        for name, text in zip(pieces[1::2], pieces[2::2], strict=True)
    }
