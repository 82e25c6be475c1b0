"""Results: what happened stays a success, whatever was returned."""

import datetime as dt
import enum
import threading
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr

from quarterdeck_kernel.tools import result as result_module
from quarterdeck_kernel.tools.result import Stored, stored_result
from quarterdeck_kernel.vocabulary.limits import JSON_DEPTH, PROBLEM_CHARS


class Level(enum.IntEnum):
    HIGH = 3


class Word(str):  # noqa: SLOT000 - a subclass as users make them
    def __str__(self) -> str:
        return "another"


@dataclass
class Point:
    x: int
    inner: "Point | None" = None


class Person(BaseModel):
    name: str = Field(serialization_alias="fullName")
    key: SecretStr = SecretStr("hidden")


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - as users make them


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        ("a", "a"),
        (0, 0),
        (True, True),
        (0.5, 0.5),
        (10**30, 10**30),
        (Decimal("1.50"), "1.50"),
        (Level.HIGH, 3),
        (Word("a"), "a"),
        ((1, [2]), [1, [2]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({2, 1}), [1, 2]),
        (Pair(1, 2), [1, 2]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ({2: "a", None: "b"}, {"2": "a", "null": "b"}),
        ({dt.date(2024, 1, 2): 1, UUID(int=1): 2}, {"2024-01-02": 1, str(UUID(int=1)): 2}),
        (dt.datetime(2024, 1, 2, tzinfo=dt.UTC), "2024-01-02T00:00:00+00:00"),
        (dt.time(1, 2), "01:02:00"),
        (dt.timedelta(seconds=1.5), "PT1.5S"),
        (UUID(int=1), str(UUID(int=1))),
        (PurePosixPath("a/b"), "a/b"),
        (ip_address("::1"), "::1"),
        (b"\x00\xff", "AP8="),
        (bytearray(b"a"), "YQ=="),
        (Point(1, Point(2)), {"x": 1, "inner": {"x": 2, "inner": None}}),
        (Person(name="Ada"), {"fullName": "Ada", "key": "**********"}),
        ("a\ud800b", "a<U+D800>b"),
        ({"\udfff": ["\ud800"]}, {"<U+DFFF>": ["<U+D800>"]}),
    ],
    ids=repr,
)
def test_values_are_stored_as_plain_data(value: object, stored: object) -> None:
    assert stored_result(value) == Stored(stored)  # type: ignore[arg-type]
    assert stored_result([value]).result == [stored]
    assert type(stored_result(value).result) is type(stored)


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _knot() -> dict[str, Any]:
    knot: dict[str, Any] = {}
    knot["self"] = [knot]
    return knot


class Broken:
    def __repr__(self) -> str:
        message = "no"
        raise RuntimeError(message)


class BrokenModel(BaseModel):
    @property
    def model_fields_set(self) -> set[str]:
        message = "no"
        raise RuntimeError(message)

    def model_dump(self, **_: object) -> dict[str, Any]:
        message = "no"
        raise RuntimeError(message)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "object has no plain form"),
        (Broken(), "Broken has no plain form"),
        (threading.Lock(), "lock has no plain form"),
        (int, "type has no plain form"),
        (Point, "type has no plain form"),
        (range(3), "range has no plain form"),
        ((i for i in [1]), "generator has no plain form"),
        (1j, "complex has no plain form"),
        (ValueError("a"), "ValueError has no plain form"),
        ([0, {"a": [object()]}], r"\[1\]\.a\[0\] is <object"),
        (float("nan"), "it is nan"),
        ({"a": float("-inf")}, "a is -inf"),
        (Decimal("sNaN"), "JSON has no number"),
        (_knot(), "contains itself"),
        (_nested(JSON_DEPTH + 1), "nested more than"),
        (_nested(100_000), "nested more than"),
        ({1: "a", "1": "b"}, "two keys of it become the same text '1'"),
        ({(1, 2): "a"}, r"key \(1, 2\) of it is no text"),
        (BrokenModel(), "reading it raised RuntimeError"),
        pytest.param(10**5000, "no canonical JSON form", id="a huge number"),
    ],
)
def test_what_cannot_be_stored_is_a_success_that_cannot_be_read(value: object, says: str) -> None:
    stored = stored_result(value)
    assert (stored.result, stored.readable) == (None, False)
    assert stored.problem is not None
    assert stored.problem.startswith("the tool returned ")
    assert len(stored.problem) <= PROBLEM_CHARS
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(stored.problem)


def test_depth_up_to_the_bound_is_stored() -> None:
    assert stored_result(_nested(JSON_DEPTH)).readable


def test_a_result_beyond_the_bound_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_module, "TOOL_RESULT_BYTES", 10)
    assert stored_result("é" * 4).readable
    stored = stored_result("é" * 5)
    assert not stored.readable
    assert stored.problem is not None
    assert "takes 12 bytes, and at most 10 are kept" in stored.problem
