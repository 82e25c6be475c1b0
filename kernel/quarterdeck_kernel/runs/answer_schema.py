"""Holding a person's answer against the schema that the pause recorded.

The process that asks may have a class for it; who answers has the recorded schema only.
"""

from pydantic import JsonValue

from quarterdeck_kernel.errors import InvalidError

_SHOWN_CHARS = 500


def check_answer(schema: dict[str, JsonValue], answer: JsonValue) -> None:
    """Raise if an answer does not fit a JSON schema."""
    # Not at the top: it takes as long to import as the kernel, and few pauses have a schema.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError, ValidationError  # noqa: PLC0415

    try:
        Draft202012Validator(schema).validate(answer)
    except ValidationError as error:
        where = "/".join(map(str, error.absolute_path)) or "the answer"
        text = f"the answer does not fit: {where}: {error.message[:_SHOWN_CHARS]}"
        raise InvalidError(text) from None
    except SchemaError as error:
        text = f"the pause has no usable schema: {error.message[:_SHOWN_CHARS]}"
        raise InvalidError(text) from None
