"""Ids sort by time; names are safe to show, to type and to put into a path."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.vocabulary.ids import RunId, checked_name, new_id

MILLISECOND_NS = 1_000_000
GOOD = ["a", "0", "run-1", "A.b_c:d@e-f", "9" * 128, "01m7zpcgtcew007rtr4hyfqqny"]
BAD = ["", " ", "-a", ".hidden", "..", "a b", "a/b", "a\\b", "é", "a\n", "\na", "x" * 129, "a\x00"]


def test_an_id_has_26_characters_that_cannot_be_confused() -> None:
    made = [new_id() for _ in range(1_000)]
    assert len(set(made)) == 1_000
    for one in made:
        assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", one)


@given(st.integers(0, 2**47), st.integers(1, 2**46))
def test_ids_sort_by_the_time_they_were_made(at_ms: int, later_ms: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "quarterdeck_kernel.vocabulary.ids.time.time_ns", lambda: at_ms * MILLISECOND_NS
        )
        first = new_id()
        patch.setattr(
            "quarterdeck_kernel.vocabulary.ids.time.time_ns",
            lambda: (at_ms + later_ms) * MILLISECOND_NS,
        )
        second = new_id()
    assert first < second


@pytest.mark.parametrize("name", GOOD)
def test_good_names(name: str) -> None:
    assert checked_name(name, "run id") == name
    assert TypeAdapter(RunId).validate_python(name) == name


@pytest.mark.parametrize("name", BAD)
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidError, match="run id") as refused:
        checked_name(name, "run id")
    assert repr(name[:140]) in str(refused.value)


@pytest.mark.parametrize("name", BAD)
def test_rows_refuse_what_names_refuse(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RunId).validate_python(name)


@given(st.text(max_size=200))
def test_both_checks_agree(name: str) -> None:
    try:
        checked_name(name, "run id")
    except InvalidError:
        with pytest.raises(ValidationError):
            TypeAdapter(RunId).validate_python(name)
    else:
        assert TypeAdapter(RunId).validate_python(name) == name
