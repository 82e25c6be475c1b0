"""Payloads made from their own types: by Hypothesis, and one fixed example a kind.

What a field may hold is read from its annotation, so that a new kind or field is tested without
being told of.
"""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Gt
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.union import BY_KIND

Model = TypeVar("Model", bound=BaseModel)

TEXT = st.text(max_size=12)
INTEGERS = st.integers(0, 2**63)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
RUN_IDS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:@-]{0,20}\Z")


def values_of(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:  # noqa: ANN401 - a type can be anything
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is JsonValue:
        return JSON
    if origin is Annotated:
        return values_of(arguments[0], tuple(arguments[1:]))
    if origin in {Union, UnionType}:
        return st.one_of([values_of(argument, metadata) for argument in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)
    if annotation is str:
        named = any(hasattr(mark, "pattern") for mark in metadata)
        return RUN_IDS if named else TEXT
    if annotation is int:
        bounded = any(isinstance(mark, Ge | Gt) for mark in metadata)
        return INTEGERS.map(lambda number: number + 1) if bounded else INTEGERS
    if annotation in {bool, NoneType}:
        return st.booleans() if annotation is bool else st.none()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return models_of(annotation)
    raise AssertionError(f"no strategy for {annotation!r}: add one")


def _field(field: FieldInfo) -> st.SearchStrategy[Any]:
    return values_of(field.annotation, tuple(field.metadata))


def models_of(cls: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = {name: _field(field) for name, field in cls.model_fields.items()}
    return st.fixed_dictionaries(fields).map(cls.model_validate)


PAYLOADS: st.SearchStrategy[Payload] = st.one_of([models_of(cls) for cls in BY_KIND.values()])


def example_of(name: str, annotation: Any, metadata: tuple[Any, ...] = ()) -> Any:  # noqa: ANN401 - as above
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is JsonValue:
        return {name: [1, 2.5, None, True, "größer", {"\U0001f600": "<x>"}]}
    if origin is Annotated:
        return example_of(name, arguments[0], tuple(arguments[1:]))
    if origin in {Union, UnionType}:
        return example_of(name, arguments[0], metadata)
    if origin is Literal:
        return arguments[-1]
    if origin is tuple:
        return (example_of(name, arguments[0]),)
    if origin is dict:
        key = name if arguments[0] is str else example_of(name, arguments[0])
        return {key: example_of(name, arguments[1])}
    if annotation is str:
        return f"{name}-1"
    if annotation is int:
        return 1 + sum(name.encode())
    if annotation is bool:
        return True
    return fixed_example(annotation)


def fixed_example(cls: type[Model]) -> Model:
    """Return a model with every field filled, the same each time."""
    values = {
        name: example_of(name, field.annotation, tuple(field.metadata))
        for name, field in cls.model_fields.items()
    }
    return cls.model_validate(values)


def bare_example(cls: type[Model]) -> Model:
    """Return a model with no more than what must be given."""
    values = {
        name: example_of(name, field.annotation, tuple(field.metadata))
        for name, field in cls.model_fields.items()
        if field.is_required()
    }
    return cls.model_validate(values)
