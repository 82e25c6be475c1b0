"""The version of a tool that declares none: a digest of what its function says.

An approval and a replay are bound to it, so it must be the same in every process that runs the
same code, and another when the code was changed. It sees the function, not what that calls.
"""

import functools
import inspect
from collections.abc import Callable
from types import CodeType

from quarterdeck_kernel.canonical import digest
from quarterdeck_kernel.errors import NotCanonicalError
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.tools.signature import core_of, name_of

_DIGITS = 16


def source_version(function: Callable[..., object]) -> str:
    """Return the version of a function: of its source, else of its name and bytecode."""
    core = core_of(function)
    try:
        said: object = inspect.getsource(core)
    except (OSError, TypeError, IndexError, SyntaxError):
        code = getattr(core, "__code__", None)
        said = [name_of(core), _of_code(code) if isinstance(code, CodeType) else None]
    return digest([said, _bound(function)])[:_DIGITS]


def _bound(function: object) -> list[object]:
    """Return what partials have filled in, as far as it is the same in every process."""
    if not isinstance(function, functools.partial):
        return []
    return [
        [_stable(value) for value in function.args],
        {name: _stable(value) for name, value in function.keywords.items()},
        _bound(function.func),
    ]


def _stable(value: object) -> object:
    try:
        return plain(value)
    except NotCanonicalError:
        return f"<{type(value).__module__}.{type(value).__qualname__}>"


def _of_code(code: CodeType) -> object:
    """Return what a code object does, without what differs between processes: addresses, order."""
    return [code.co_code.hex(), list(code.co_names), [_constant(value) for value in code.co_consts]]


def _constant(value: object) -> object:
    if isinstance(value, CodeType):
        return _of_code(value)
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    if isinstance(value, tuple):
        return [_constant(item) for item in value]
    return repr(value)
