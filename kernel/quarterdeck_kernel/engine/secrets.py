"""Secrets by name: `{{secret:NAME}}` in the arguments of a tool call.

The name is what is stored, digested, shown and approved. The value is put in its place when the
call is made, and is never written: whatever comes back is looked through for it.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import JsonValue

from quarterdeck_kernel.errors import ToolArgumentsError
from quarterdeck_kernel.guards.personal_data.category import Finding

PREFIX = "QUARTERDECK_SECRET_"
"""Only what the environment holds under this beginning is a secret: tools can name nothing else."""

SecretSource = Mapping[str, str] | Callable[[str], str | None]
"""Where secrets come from: all of them, or who knows one by its name."""

_NAMED = re.compile(r"\{\{ ?secret:([A-Za-z0-9_.-]{1,100}) ?\}\}")
_LEAST_CHARS = 8
"""A shorter one would be found, by chance, in texts that have nothing to do with it."""

_LISTED = 20


def environment() -> dict[str, str]:
    """Return the secrets that the environment holds."""
    names = (name for name in os.environ if name.startswith(PREFIX))
    return {name.removeprefix(PREFIX): os.environ[name] for name in names}


class Secrets:
    """Knows values by their names, and finds them in texts."""

    def __init__(self, source: SecretSource | None = None) -> None:
        """Take secrets from a mapping, from a function, or from the environment."""
        self._source = environment() if source is None else source
        self._spellings: dict[str, None] = {}
        if isinstance(self._source, Mapping):
            # A tool may say one that this process was never asked for.
            for value in self._source.values():
                self._learn(value)

    @property
    def known(self) -> bool:
        """Tell whether there is any value to be looked for."""
        return bool(self._spellings)

    @property
    def of_words(self) -> bool:
        """Tell whether a value has a space in it."""
        return any(any(map(str.isspace, spelling)) for spelling in self._spellings)

    def problem(self, arguments: JsonValue) -> ToolArgumentsError | None:
        """Return what is wrong with the secrets that arguments name, to be told to a model."""
        for name in sorted(set(_names(arguments))):
            if (problem := self._problem(name)) is not None:
                return ToolArgumentsError(problem)
        return None

    def resolved(self, arguments: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return arguments with values for names, to be handed to a tool and nobody else.

        Raises `ToolArgumentsError`, in which no value stands.
        """
        return {key: self._resolved(item) for key, item in arguments.items()}

    def __call__(self, text: str) -> Iterator[Finding]:
        """Find the values in a text, as they are and as they are spelt in JSON and in URLs."""
        for spelling in self._spellings:
            at = text.find(spelling)
            while at >= 0:
                yield Finding(at, at + len(spelling), "secret")
                at = text.find(spelling, at + len(spelling))

    def _resolved(self, value: JsonValue) -> Any:  # noqa: ANN401 - JSON in, JSON out
        if isinstance(value, str):
            return _NAMED.sub(lambda match: self._value(match[1]), value)
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        return value

    def _value(self, name: str) -> str:
        problem = self._problem(name)
        if problem is not None:
            raise ToolArgumentsError(problem)
        value = self._looked_up(name)
        assert value is not None, "there is no problem with it"
        self._learn(value)
        return value

    def _looked_up(self, name: str) -> str | None:
        if isinstance(self._source, Mapping):
            return self._source.get(name)
        return self._source(name)

    def _problem(self, name: str) -> str | None:
        value = self._looked_up(name)
        if value is None:
            known = sorted(self._source) if isinstance(self._source, Mapping) else []
            listed = ", ".join(known[:_LISTED]) or "none is listed"
            return (
                f"there is no secret {name!r} (known: {listed}); name another one, or have it "
                f"given to the kernel, for instance as {PREFIX}{name} in its environment"
            )
        if len(value) < _LEAST_CHARS:
            return (
                f"the secret {name!r} is shorter than {_LEAST_CHARS} characters, and could not be "
                "kept out of the log; use a longer one"
            )
        return None

    def _learn(self, value: str) -> None:
        if len(value) < _LEAST_CHARS or value in self._spellings:
            return
        spelt = json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]
        known = {*self._spellings, value, *spelt, repr(value)[1:-1], quote(value), quote(value, "")}
        # The longest first: one may be a part of another.
        self._spellings = dict.fromkeys(sorted(known, key=lambda one: (-len(one), one)))


def _names(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        if "secret:" in value:
            yield from _NAMED.findall(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)
