"""Registration: what can become a tool, and how what cannot is refused."""

import functools
import inspect
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from typing_extensions import Doc

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from tests.kernel.tools.calls import CONTEXT, one_argument, returned


async def pay(invoice: str, amount: int = 1) -> str:
    """Pay an invoice.

    Twice does harm.

    Args:
        invoice: which one
        amount: how much
    """
    return f"{invoice} {amount}"


def test_a_function_becomes_a_tool() -> None:
    tool = tool_of(pay, capability="payments", risk="high", timeout_s=3)
    assert (tool.name, tool.effect, tool.risk, tool.capability) == (
        "pay",
        "once",
        "high",
        "payments",
    )
    assert tool.description == "Pay an invoice.\n\nTwice does harm."
    assert tool.retry == RetryPolicy(timeout_s=3)
    assert not tool.threaded
    assert not tool.has_probe
    assert not tool.has_preview
    assert tool.schema.model_dump() == {
        "name": "pay",
        "description": tool.description,
        "parameters": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "invoice": {"type": "string", "description": "which one"},
                "amount": {"type": "integer", "description": "how much", "default": 1},
            },
            "required": ["invoice"],
        },
    }


def test_a_policy_keeps_what_the_timeout_does_not_name() -> None:
    policy = RetryPolicy(tries=7, timeout_s=1)
    assert tool_of(pay, retry=policy).retry is policy
    assert tool_of(pay, retry=policy, timeout_s=2).retry == RetryPolicy(tries=7, timeout_s=2)


class Address(BaseModel):
    """Where somebody lives."""

    street: str
    number: int = Field(gt=0, title="No.")


@dataclass
class Tree:
    """A tree of words."""

    word: str
    branches: list["Tree"]


def test_nested_types_are_told_without_titles_and_with_closed_names() -> None:
    schema = one_argument(Address).schema.parameters
    assert schema["$defs"] == {
        "Address": {
            "type": "object",
            "description": "Where somebody lives.",
            "additionalProperties": False,
            "properties": {
                "street": {"type": "string"},
                "number": {"type": "integer", "exclusiveMinimum": 0, "title": "No."},
            },
            "required": ["street", "number"],
        }
    }
    assert "title" not in schema


def test_types_may_refer_to_themselves() -> None:
    tool = one_argument(Tree)
    data = tool.parse('{"x": {"word": "a", "branches": [{"word": "b", "branches": []}]}}')
    assert tool.arguments.values(data)["x"] == Tree("a", [Tree("b", [])])


def test_a_parameter_named_title_is_kept() -> None:
    def write(title: str, properties: dict[str, int]) -> None:
        """Write."""

    properties = tool_of(write).schema.parameters["properties"]
    assert isinstance(properties, dict)
    assert list(properties) == ["title", "properties"]


def test_descriptions_come_from_where_they_stand() -> None:
    def search(
        text: Annotated[str, "what to look for"],
        pages: Annotated[int, Doc("how many")],
        lines: Annotated[int, Field(description="how long", ge=1)],
        rest: int,
    ) -> None:
        """Search.

        :param text: not this
        :param rest: the rest
        """

    properties: Any = tool_of(search).schema.parameters["properties"]
    said = {name: schema["description"] for name, schema in properties.items()}
    assert said == {
        "text": "what to look for",
        "pages": "how many",
        "lines": "how long",
        "rest": "the rest",
    }


def test_a_given_description_wins_even_when_empty() -> None:
    assert tool_of(pay, description="Send money.").description == "Send money."
    assert tool_of(pay, description="").description == ""


async def test_the_context_is_given_and_not_told() -> None:
    def who(name: str, call: ToolContext) -> str:
        return f"{name} {call.idempotency_key}"

    def who_if(name: str, call: ToolContext | None = None) -> str:
        return f"{name} {call.idempotency_key if call else ''}"

    for function in (who, who_if):
        assert tool_of(function).arguments.names == ("name",)
        assert await returned(function, name="a") == "a key-1"


class Office:
    """Has methods, and can be called."""

    def __init__(self, city: str) -> None:
        self.city = city

    def greet(self, name: str) -> str:
        """Greet somebody."""
        return f"{name} from {self.city}"

    async def call(self, name: str) -> str:
        return self.greet(name)

    async def __call__(self, name: str) -> str:
        """Call somebody."""
        return self.greet(name)

    @classmethod
    def found(cls, city: str) -> str:
        return cls(city).city

    @staticmethod
    def close(city: str) -> str:
        return city


async def test_methods_partials_and_callable_objects_are_called_as_they_are() -> None:
    office = Office("Bern")
    assert await returned(office.greet, name="a") == "a from Bern"
    assert await returned(office.call, name="a") == "a from Bern"
    assert await returned(office, name="a") == "a from Bern"
    assert await returned(Office.found, city="Bern") == "Bern"
    assert await returned(Office.close, city="Bern") == "Bern"
    assert await returned(functools.partial(pay, amount=3), invoice="a") == "a 3"
    assert await returned(functools.partial(pay, "b"), amount=3) == "b 3"
    assert tool_of(office.greet).threaded
    assert not tool_of(office.call).threaded
    assert not tool_of(office).threaded
    assert not tool_of(functools.partial(office, "a")).threaded
    assert tool_of(office).name == "Office"
    assert tool_of(office).description == "Call somebody."
    assert tool_of(functools.partial(pay, amount=3)).arguments.names == ("invoice",)


async def test_a_decorated_function_is_told_as_what_it_wraps() -> None:
    def loudly(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def wrapper(*args: object, **kwargs: object) -> str:
            return function(*args, **kwargs).upper()

        return wrapper

    @loudly
    def say(word: "str") -> str:
        """Say it."""
        return word

    assert tool_of(say).name == "say"
    assert await returned(say, word="a") == "A"


def bare(x): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
def star(*x: int) -> None: ...
def stars(**x: int) -> None: ...
def positional(x: int, /) -> None: ...
def unknown(x: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821
def opaque(x: object, y: inspect.Signature) -> None: ...
def function(x: Callable[[], int]) -> None: ...
def two(x: ToolContext, y: ToolContext) -> None: ...
def wrong(x: int = "3") -> None: ...  # type: ignore[assignment]
def none(x: int = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013
def opaque_default(x: Any = object()) -> None: ...  # noqa: ANN401, B008
def alias(x: Annotated[int, Field(alias="y")]) -> None: ...
def made(x: Annotated[int, Field(default_factory=int)]) -> None: ...
def generator(x: int) -> Iterator[int]:
    yield x


async def async_generator(x: int) -> AsyncIterator[int]:
    yield x


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        (bare, "'x' of bare has no type"),
        (star, r"\*x of star has no schema"),
        (stars, r"\*\*x of stars has no schema"),
        (positional, "'x' of positional is positional only"),
        (unknown, "annotation 'Nowhere' of 'x' in unknown cannot be resolved"),
        (opaque, "type of 'y' in opaque cannot come from JSON"),
        (function, "function have no JSON Schema"),
        (two, "'x' and 'y' of two both take the ToolContext"),
        (wrong, "default of 'x' in wrong does not fit"),
        (none, "default of 'x' in none does not fit"),
        (opaque_default, "default of 'x' in opaque_default cannot be recorded"),
        (alias, "Field of 'x' of alias has an alias"),
        (made, "Field of 'x' of made has a default_factory"),
        (generator, "generator is a generator"),
        (async_generator, "async_generator is a generator"),
        (Office, "Office is no function"),
        (3, "int is no function"),
        (lambda: 0, "'<lambda>' is no name for a tool"),
        (dict.get, "get"),
        (dir, "dir shows no signature"),
    ],
)
def test_what_could_never_be_called_is_refused_by_name(refused: Any, says: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidError, match=says):
        tool_of(refused)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "ä", "a" * 65, "a\n", "<x>"])
def test_a_name_that_providers_refuse_is_refused(name: str) -> None:
    with pytest.raises(InvalidError, match="no name for a tool"):
        tool_of(pay, name=name)


def test_a_name_that_providers_take_is_taken() -> None:
    assert tool_of(pay, name="Pay-it_2").name == "Pay-it_2"


@pytest.mark.parametrize(
    "declared",
    [{"effect": "twice"}, {"risk": "none"}, {"timeout_s": 0}, {"timeout_s": "x"}],
    ids=str,
)
def test_a_declaration_that_makes_no_sense_is_refused(declared: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidError, match="of pay is"):
        tool_of(pay, **declared)


def test_a_typed_dict_of_the_standard_library_says_what_to_do_where_it_cannot_be_read() -> None:
    class Old(typing.TypedDict):
        a: int

    try:
        assert one_argument(Old).parse({"x": {"a": 1}}) == {"x": {"a": 1}}
    except InvalidError as error:
        assert "typing_extensions" in str(error)  # noqa: PT017 - either is right, by Python's version


def test_a_tool_answered_by_its_caller_is_never_called() -> None:
    def ask(question: str) -> str:
        raise AssertionError(question)

    tool = tool_of(ask, answered_by_caller=True)
    assert tool.parse({"question": "Why?"}) == {"question": "Why?"}
    with pytest.raises(InvalidError, match="answered by the caller"):
        tool.start(CONTEXT, {"question": "Why?"})
