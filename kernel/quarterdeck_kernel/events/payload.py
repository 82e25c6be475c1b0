"""The base of all event payloads: facts that stay, and content that can be erased.

A payload has two kinds of fields. *Facts* are what folds, budgets and replays need: they go into
the hashed header and stay for ever. *Content* (prompts, arguments, results, reasons: whatever a
person may have to have removed) is marked `Erasable`, is committed to by a salted hash, and can
be erased without breaking the chain. A fold may only depend on facts, or must cope with `None`.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeAlias, TypeVar, get_args

from pydantic import JsonValue

from quarterdeck_kernel.vocabulary.model import Value

T = TypeVar("T")


class _Erasable:
    """The mark of a field whose value may be gone when the event is read."""


Erasable: TypeAlias = Annotated[T | None, _Erasable()]


def _holds_value(annotation: object) -> bool:
    """Tell whether a field holds a value of ours, perhaps optionally."""
    choices = get_args(annotation) or (annotation,)
    return any(isinstance(choice, type) and issubclass(choice, Value) for choice in choices)


class Payload(Value):
    """What one event says. Each kind is a subclass with a literal `kind`."""

    erasable_fields: ClassVar[tuple[str, ...]] = ()
    optional_content: ClassVar[tuple[str, ...]] = ()
    optional_facts: ClassVar[tuple[str, ...]] = ()
    nested_facts: ClassVar[tuple[str, ...]] = ()
    no_content: ClassVar[Mapping[str, None]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: object) -> None:
        """Note which fields are content, and which facts may be left out, once a class."""
        cls.erasable_fields = tuple(
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, _Erasable) for mark in field.metadata)
        )
        cls.no_content = dict.fromkeys(cls.erasable_fields)
        cls.optional_content = tuple(
            name for name in cls.erasable_fields if not cls.model_fields[name].is_required()
        )
        cls.optional_facts = tuple(
            name
            for name, field in cls.model_fields.items()
            if field.default is None and name not in cls.erasable_fields
        )

        cls.nested_facts = tuple(
            name
            for name, field in cls.model_fields.items()
            if name not in cls.erasable_fields and _holds_value(field.annotation)
        )

    def split(self) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
        """Return the facts and the content, as plain data.

        A field that is None by default is left out when it is: so one added later changes nothing
        about how the events before it are written.
        """
        facts = self.model_dump(mode="json")
        content = {name: facts.pop(name) for name in self.erasable_fields}
        for name in self.optional_content:
            if content[name] is None:
                del content[name]
        for name in self.optional_facts:
            if facts[name] is None:
                del facts[name]
        for name in self.nested_facts:
            if (nested := facts.get(name)) is not None:
                facts[name] = {key: value for key, value in nested.items() if value is not None}
        return facts, content
