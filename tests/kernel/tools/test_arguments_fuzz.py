"""Whatever a model sends: plain data that stays the same, or one error. Never anything else."""

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import ToolArgumentsError
from quarterdeck_kernel.tools.result import stored_result
from quarterdeck_kernel.tools.tool_of import tool_of


@dataclass
class Line:
    text: str
    price: Decimal


class Order(BaseModel):
    lines: list[Line]
    due: dt.datetime | None = None


def everything(  # noqa: PLR0913, PLR0917 - it takes one of everything
    count: int,
    ratio: float,
    amount: Decimal,
    word: Literal["a", "b"],
    order: Order,
    both: int | str | None = None,
    pair: tuple[int, str] = (1, "a"),
    bag: dict[str, list[float]] | None = None,
    rest: Any = None,  # noqa: ANN401
) -> None:
    """Take one of everything."""


TOOL = tool_of(everything)
NAMES = [*TOOL.arguments.names, "other", ""]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**400)
    | st.floats(allow_nan=True)
    | st.text(st.characters(codec=None), max_size=8)
    | st.decimals().map(str)
    | st.datetimes().map(str)
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*NAMES, "lines", "due", "text", "price"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
near_misses = st.fixed_dictionaries(
    {
        "count": st.integers() | scalars,
        "ratio": st.floats() | st.integers(),
        "amount": st.decimals(allow_nan=False).map(str) | st.floats() | st.integers(),
        "word": st.sampled_from(["a", "b", "c"]),
        "order": st.fixed_dictionaries(
            {
                "lines": st.lists(
                    st.fixed_dictionaries({"text": st.text(), "price": st.decimals().map(str)}),
                    max_size=2,
                )
            },
            optional={"due": st.none() | st.datetimes().map(dt.datetime.isoformat)},
        ),
    },
    optional={
        "both": scalars,
        "bag": st.none() | st.dictionaries(st.text(), st.lists(st.floats())),
        "rest": json_values,
        "pair": st.tuples(st.integers(), st.text()).map(list),
        "other": scalars,
    },
)


def parsed(arguments: Any) -> dict[str, Any] | None:  # noqa: ANN401
    try:
        return TOOL.parse(arguments)
    except ToolArgumentsError:
        return None


def check(arguments: Any) -> None:  # noqa: ANN401
    data = parsed(arguments)
    if data is None:
        return
    text = encode(data)
    assert json.loads(text) == data
    assert TOOL.parse(data) == TOOL.parse(text) == data
    assert TOOL.arguments.values(data) == TOOL.arguments.values(json.loads(text))


@given(st.text(st.characters(codec=None)) | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_data_or_one_error(text: str) -> None:
    check(text)


@given(json_values)
def test_any_json_is_data_or_one_error(value: object) -> None:
    check(json.dumps(value))
    check(json.dumps(value, ensure_ascii=False))


@given(near_misses)
def test_what_nearly_fits_is_data_or_one_error(value: dict[str, object]) -> None:
    check(json.dumps(value))
    check(value)


@given(near_misses, st.integers(min_value=0), st.text(max_size=3))
def test_a_text_cut_or_patched_is_data_or_one_error(
    value: dict[str, object], place: int, patch: str
) -> None:
    text = json.dumps(value)
    place %= len(text)
    check(text[:place])
    check(text[:place] + patch + text[place + 1 :])


@given(near_misses)
def test_what_is_taken_fits_the_schema_that_the_model_was_told(value: dict[str, object]) -> None:
    data = parsed(json.dumps(value))
    if data is not None:
        jsonschema.validate(data, TOOL.schema.parameters)


@given(
    st.recursive(
        scalars | st.decimals() | st.binary() | st.dates() | st.uuids() | st.complex_numbers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(scalars, inner)
            | st.tuples(inner)
            | st.frozensets(st.integers())
        ),
        max_leaves=8,
    )
)
def test_any_result_is_stored_or_said_to_be_unreadable(value: object) -> None:
    stored = stored_result(value)
    if stored.readable:
        assert stored.problem is None
        assert json.loads(encode(stored.result)) == stored.result
        assert stored_result(stored.result) == stored
    else:
        assert stored.result is None
        assert stored.problem
