"""Arguments: strict, plain, and the same after a restart."""

import datetime as dt
import enum
import json
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AfterValidator, BaseModel, Field
from typing_extensions import TypedDict

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import ToolArgumentsError
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.limits import (
    JSON_DEPTH,
    PROBLEM_CHARS,
    TOOL_ARGUMENTS_BYTES,
)
from tests.kernel.tools.calls import one_argument, value_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: int
    y: float = 0.5


class Person(BaseModel):
    name: str
    born: dt.date | None = None


class Options(TypedDict):
    deep: bool


UUID_TEXT = "12345678-1234-5678-1234-567812345678"

GOOD: list[tuple[Any, str, object]] = [
    (int, "3", 3),
    (int, "12345678901234567890123", 12345678901234567890123),
    (float, "3", 3.0),
    (float, "0.5", 0.5),
    (float, "3.14159265358979323846", 3.141592653589793),
    (bool, "true", True),
    (str, '"Ünï 🚢"', "Ünï 🚢"),
    (str, '"\\ud83d\\udea2"', "🚢"),
    (Decimal, "1.5", Decimal("1.5")),
    (Decimal, '"1.50"', Decimal("1.50")),
    (Decimal, "12345678901234567890", Decimal(12345678901234567890)),
    (Decimal, '"0.10000000000000000000000000001"', Decimal("0.10000000000000000000000000001")),
    (Colour, '"red"', Colour.RED),
    (Literal["a", 1], '"a"', "a"),
    (int | None, "null", None),
    (int | str, '"3"', "3"),
    (list[int], "[1, 2]", [1, 2]),
    (tuple[int, str], '[1, "a"]', (1, "a")),
    (set[int], "[2, 1]", {1, 2}),
    (dict[str, int], '{"a": 1}', {"a": 1}),
    (Point, '{"x": 1}', Point(1)),
    (
        Person,
        '{"name": "Ada", "born": "1815-12-10"}',
        Person(name="Ada", born=dt.date(1815, 12, 10)),
    ),
    (list[Person], '[{"name": "Ada"}]', [Person(name="Ada")]),
    (Options, '{"deep": true}', {"deep": True}),
    (dt.datetime, '"2024-01-02T03:04:05Z"', dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
    (dt.date, '"2024-01-02"', dt.date(2024, 1, 2)),
    (dt.timedelta, '"PT90S"', dt.timedelta(seconds=90)),
    (UUID, f'"{UUID_TEXT}"', UUID(UUID_TEXT)),
    (bytes, '"AAE="', b"\x00\x01"),
    (Annotated[int, Field(ge=1)], "1", 1),
    (Any, '{"a": [1, null]}', {"a": [1, None]}),
]

BAD: list[tuple[Any, str]] = [
    (int, '"3"'),
    (int, "3.0"),
    (int, "true"),
    (int, "null"),
    (float, '"3"'),
    (float, "true"),
    (bool, "1"),
    (bool, '"true"'),
    (str, "3"),
    (Decimal, '"NaN"'),
    (Decimal, '"x"'),
    (Decimal, "true"),
    (Decimal, "0.1000000000000000055511151231257827"),
    (Decimal, "12345678901234567.25"),
    (list[Decimal], "[1e-400]"),
    (Colour, '"green"'),
    (Literal["a"], '"b"'),
    (list[int], "3"),
    (list[int], '[1, "2"]'),
    (tuple[int, str], "[1]"),
    (dict[str, int], '{"a": "1"}'),
    (Point, '{"x": 1, "z": 2}'),
    (Point, '{"x": "1"}'),
    (Person, '{"name": "Ada", "age": 3}'),
    (Options, '{"deep": true, "wide": true}'),
    (dt.datetime, "1704164645"),
    (UUID, '"x"'),
    (Annotated[int, Field(ge=1)], "0"),
    (float, "1e999"),
    (float, "-1e999"),
    (float, "1" + "0" * 400),
    (Any, "9" * 5000),
]


@pytest.mark.parametrize(("annotation", "text", "value"), GOOD, ids=str)
def test_what_fits_becomes_what_the_function_asks_for(
    annotation: object, text: str, value: object
) -> None:
    tool = one_argument(annotation)
    data = tool.parse(f'{{"x": {text}}}')
    assert value_of(tool, f'{{"x": {text}}}') == value
    # Stored, read back by another process, parsed again: the same data and the same values.
    again = json.loads(encode(data))
    assert again == data == tool.parse(again) == tool.parse(encode(data))
    assert tool.arguments.values(again)["x"] == value


@pytest.mark.parametrize(("annotation", "text"), BAD, ids=str)
def test_what_does_not_fit_is_refused(annotation: object, text: str) -> None:
    with pytest.raises(ToolArgumentsError):
        one_argument(annotation).parse(f'{{"x": {text}}}')


@pytest.mark.parametrize(
    ("annotation", "value", "data"),
    [
        (Decimal, Decimal("1.50"), "1.50"),
        (Colour, Colour.BLUE, "blue"),
        (dt.date, dt.date(2024, 1, 2), "2024-01-02"),
        (dt.timedelta, dt.timedelta(hours=-1, microseconds=5), "-PT3599.999995S"),
        (Point, Point(1, 2.0), {"x": 1, "y": 2.0}),
        (Person, Person(name="Ada"), {"name": "Ada", "born": None}),
        (tuple[int, ...], (1, 2), [1, 2]),
        (set[int], {2, 1}, [1, 2]),
        (bytes, b"\x00\x01", "AAE="),
        (UUID, UUID(UUID_TEXT), UUID_TEXT),
    ],
    ids=str,
)
def test_python_hands_over_values_and_the_function_gets_them_back(
    annotation: object, value: object, data: object
) -> None:
    tool = one_argument(annotation)
    assert tool.parse({"x": value}) == {"x": data}
    assert value_of(tool, {"x": value}) == value


@pytest.mark.parametrize(
    "value",
    [
        {1: "a"},
        float("nan"),
        float("inf"),
        object,
        "\ud800",
        Decimal("NaN"),
        [object],
        range(3),
    ],
    ids=repr,
)
def test_python_cannot_hand_over_what_would_have_to_be_changed(value: object) -> None:
    with pytest.raises(ToolArgumentsError):
        one_argument(Any).parse({"x": value})


def test_a_value_that_holds_itself_is_refused() -> None:
    knot: list[object] = []
    knot.append(knot)
    with pytest.raises(ToolArgumentsError, match="contains itself"):
        one_argument(Any).parse({"x": knot})


def pay(invoice: str, amount: Decimal, *, urgent: bool = False, tags: tuple[str, ...] = ()) -> None:
    """Pay."""


def test_defaults_are_filled_in_and_names_stand_in_the_functions_order() -> None:
    data = tool_of(pay).parse('{"amount": 2, "invoice": "a"}')
    assert list(data.items()) == [("invoice", "a"), ("amount", 2), ("urgent", False), ("tags", [])]


def test_a_field_gives_a_default_too() -> None:
    def search(text: str = Field(min_length=1), pages: Annotated[int, Field(le=9)] = 3) -> None:
        """Search."""

    def find(pages: Annotated[int, Field(default=4)]) -> None:
        """Find."""

    assert tool_of(search).parse('{"text": "a"}') == {"text": "a", "pages": 3}
    assert tool_of(find).parse("{}") == {"pages": 4}
    with pytest.raises(ToolArgumentsError, match="missing"):
        tool_of(search).parse("{}")


def test_an_empty_text_is_no_arguments() -> None:
    def now() -> None:
        """Tell the time."""

    assert tool_of(now).parse("") == tool_of(now).parse(" {} ") == {}


def test_any_name_python_takes_can_be_a_parameter() -> None:
    def odd(schema: int, _hidden: int, model_config: int, self: int, copy: int, json: int) -> int:
        return schema + _hidden + model_config + self + copy + json

    tool = tool_of(odd)
    names = ("schema", "_hidden", "model_config", "self", "copy", "json")
    assert tool.arguments.names == names
    assert sum(tool.arguments.values(tool.parse(dict.fromkeys(names, 1))).values()) == 6  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON: .* line 1, column 2"),
        ('{"invoice": "a" "b"}', "not JSON: .* near"),
        ("[1]", r"\[1\], not an object"),
        ('"{}"', "not an object"),
        ('{"invoice": 3, "amount": 1}', "'invoice': Input should be a valid string, not 3"),
        ('{"invoice": "a"}', "'amount' is missing"),
        ('{"invoice": "a", "amount": 1, "to": 2}', "no 'to', only 'invoice', 'amount'"),
        ('{"invoice": "a", "amount": NaN}', "NaN is no number"),
        ('{"invoice": "a", "amount": -Infinity}', "-Infinity is no number"),
        ('{"invoice": "a", "invoice": "b"}', "'invoice' stands twice"),
        ('{"amount": [{"a": 1, "a": 1}]}', "'a' stands twice"),
        ('{"invoice": "\\ud800", "amount": 1}', "half a character"),
        ('{"invoice": "\ud800", "amount": 1}', "half a character"),
        ('{"\\uDfff": "", "amount": 1}', "half a character"),
        ('{"invoice": "a", "amount": 0.12345678901234567890}', "more digits"),
        ('{"invoice": "a", "amount": 1, "tags": ["a", 2]}', r"'tags\[1\]'"),
        ('{"invoice": "\x00"}', "control character"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_send(text: str, says: str) -> None:
    with pytest.raises(ToolArgumentsError, match=says) as caught:
        tool_of(pay).parse(text)
    assert str(caught.value).startswith("pay was not called, because of its arguments: ")
    assert "It takes 'invoice', 'amount', 'urgent', 'tags'" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "{" + '"a":' * 10,
        '{"x": "' + "a" * (TOOL_ARGUMENTS_BYTES + 1) + '"}',
        '{"x": "' + "é" * (TOOL_ARGUMENTS_BYTES // 2 + 1) + '"}',
        "[" * 100_000,
        '{"x":' * 100_000,
        '{"x": ' + "[" * JSON_DEPTH + "]" * JSON_DEPTH + "}",
        '{"x": [' + '"",' * 300_000 + '""]}',
        json.dumps({f"name{i}": i for i in range(50_000)}),
        json.dumps({"a" * 500_000: 1}),
        '{"x": ' + "9" * 1_000_000 + "}",
        '{"x": "' + ("1" * 308 + "a") * 3_000 + "}",
    ],
    ids=lambda text: text[:12],
)
def test_a_refusal_is_short_and_quick_however_large_the_text(text: str) -> None:
    tool = one_argument(list[int])
    began = time.perf_counter()
    with pytest.raises(ToolArgumentsError) as caught:
        tool.parse(text)
    # Generous: a quadratic check of a megabyte takes minutes.
    assert time.perf_counter() - began < 5
    assert len(str(caught.value)) <= PROBLEM_CHARS + 200


def test_depth_up_to_the_bound_is_taken() -> None:
    depth = JSON_DEPTH - 1
    tool = one_argument(Any)
    data = tool.parse('{"x": ' + "[" * depth + "]" * depth + "}")
    assert tool.parse(data) == data
    tool.arguments.values(data)
    with pytest.raises(ToolArgumentsError, match="deep"):
        tool.parse({"x": data["x"], "y": [data["x"]]})


def test_a_check_of_the_tools_own_that_breaks_is_no_traceback() -> None:
    def broken(_: int) -> int:
        message = "lost"
        raise KeyError(message)

    with pytest.raises(ToolArgumentsError, match=r"own check of them failed: KeyError\('lost'\)"):
        one_argument(Annotated[int, AfterValidator(broken)]).parse('{"x": 1}')


def test_a_check_of_the_tools_own_may_change_the_value_and_is_asked_once_a_call() -> None:
    tool = one_argument(Annotated[int, AfterValidator(lambda x: x + 1)])
    assert tool.parse('{"x": 1}') == tool.parse(tool.parse('{"x": 1}')) == {"x": 1}
    assert value_of(tool, '{"x": 1}') == 2


def test_data_that_no_longer_fits_is_refused_before_the_call() -> None:
    stored = one_argument(int | str).parse('{"x": "a"}')
    with pytest.raises(ToolArgumentsError, match="valid integer"):
        one_argument(int).arguments.values(stored)


def test_values_that_break_when_read_are_refused() -> None:
    class Broken(dict[str, object]):
        def items(self) -> Any:  # noqa: ANN401 - it never returns
            message = "no"
            raise OSError(message)

    with pytest.raises(ToolArgumentsError, match="OSError"):
        one_argument(Any).parse({"x": Broken()})


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(ToolArgumentsError, match="no mapping"):
        one_argument(Any).parse(3)  # type: ignore[arg-type]
