"""Versions: the same in every process that runs the same code, another when it changed."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from quarterdeck_kernel.tools.source_version import source_version


def made(source: str) -> Callable[..., object]:
    """A function without source."""
    namespace: dict[str, Callable[..., object]] = {}
    exec(source, namespace)  # noqa: S102 - the only way to a function without source
    return namespace["f"]


PROGRAM = """
import json
from quarterdeck_kernel.tools.source_version import source_version
namespace = {}
exec("def f(x):\\n    return x in {'a', 'b', 'c', 'd'} or (lambda: {'e', x})()", namespace)
print(source_version(json.dumps), source_version(namespace["f"]))
"""


def test_another_process_gives_the_same_version() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2"),
        ("def f(x):\n    return x.a", "def f(x):\n    return x.b"),
        ("def f(x):\n    return lambda: 1", "def f(x):\n    return lambda: 2"),
        ("def f(x):\n    return x in {1, 2}", "def f(x):\n    return x in {1, 3}"),
    ],
)
def test_a_change_without_source_is_another_version(before: str, after: str) -> None:
    assert source_version(made(before)) == source_version(made(before))
    assert source_version(made(before)) != source_version(made(after))


def one(x: object) -> object:
    return x


def two(x: int) -> int:
    return x


class Callable_:  # noqa: N801
    def __init__(self, place: object) -> None:
        self.place = place

    def __call__(self, x: int) -> int:
        return x


def test_what_a_partial_has_filled_in_is_part_of_the_version() -> None:
    versions = [
        source_version(one),
        source_version(two),
        source_version(functools.partial(one, 1)),
        source_version(functools.partial(one, x=1)),
        source_version(functools.partial(one, x=2)),
        source_version(functools.partial(one, x=Callable_(1))),
        source_version(Callable_(1)),
    ]
    assert len(set(versions)) == len(versions)
    # An object has no form that every process shares: its kind stands for it.
    assert source_version(functools.partial(one, x=Callable_(2))) == versions[5]
    assert source_version(Callable_(2)) == versions[6]


def test_a_function_of_c_has_a_version() -> None:
    assert source_version(len) != source_version(max)
