"""Secrets by name: `{{secret:NAME}}` in the arguments of a tool call.

The name is what is stored, digested, shown and approved. The value is put in its place when the
call is made, and is never written: whatever comes back is looked through for it.
"""

import json
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import JsonValue

from quarterdeck_kernel.errors import ToolArgumentsError
from quarterdeck_kernel.guards.personal_data.category import Finding
from quarterdeck_kernel.tools.tool import Tool

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

    def problem(self, tool: Tool, arguments: JsonValue) -> ToolArgumentsError | None:
        """Return what is wrong with the secrets that arguments name, to be told to a model."""
        for name in sorted(set(_names(arguments))):
            if (problem := self._problem(tool, name)) is not None:
                return ToolArgumentsError(problem)
        return None

    def resolved(self, tool: Tool, arguments: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return arguments with values for names, to be handed to this tool and nobody else.

        Raises `ToolArgumentsError`, in which no value stands.
        """
        return {key: self._resolved(tool, item) for key, item in arguments.items()}

    def __call__(self, text: str) -> Iterator[Finding]:
        """Find the values in a text: as they are, in either case, and as they are often spelt."""
        if not self._spellings:
            return
        lowered = _lowered(text)
        for spelling in self._spellings:
            at = lowered.find(spelling)
            while at >= 0:
                yield Finding(at, at + len(spelling), "secret")
                at = lowered.find(spelling, at + len(spelling))

    def _resolved(self, tool: Tool, value: JsonValue) -> Any:  # noqa: ANN401 - JSON in, JSON out
        if isinstance(value, str):
            return _NAMED.sub(lambda match: self._value(tool, match[1]), value)
        if isinstance(value, dict):
            return {key: self._resolved(tool, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(tool, item) for item in value]
        return value

    def _value(self, tool: Tool, name: str) -> str:
        problem = self._problem(tool, name)
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

    def _problem(self, tool: Tool, name: str) -> str | None:
        if name not in tool.secrets:
            may = ", ".join(sorted(tool.secrets)) or "none"
            return (
                f"{tool.name} may not be sent the secret {name!r} (it may be sent: {may}); name "
                f"another one, or have it declared with the tool, as secrets=[{name!r}]"
            )
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
        if len(value) < _LEAST_CHARS or _lowered(value) in self._spellings:
            return
        known = {*self._spellings, *map(_lowered, _spellings(value))}
        # The longest first: one may be a part of another.
        self._spellings = dict.fromkeys(sorted(known, key=lambda one: (-len(one), one)))


def _spellings(value: str) -> Iterator[str]:
    """Yield what a value looks like as it is, in JSON, Python, URLs, hexadecimal and base64."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value)
    yield quote(value, "")
    held = value.encode("utf-8", "surrogatepass")
    yield held.hex()
    for before in range(3):
        # What stands before and behind it changes the first and the last character that it shares.
        encoded = b64encode(bytes(before) + held).decode().rstrip("=")
        shared = encoded[(before * 8 + 5) // 6 : (before + len(held)) * 8 // 6]
        yield shared
        yield shared.replace("+", "-").replace("/", "_")


def _lowered(text: str) -> str:
    """Return a text of the same length in lower case: a value in capitals is the value still."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(one if len(one.lower()) != 1 else one.lower() for one in text)


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
