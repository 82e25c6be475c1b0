"""Holding what a person answers or grants against a JSON schema that is on record.

The process that asks may have a class for it; who answers has the recorded schema only.
"""

from pydantic import JsonValue

from quarterdeck_kernel.errors import InvalidError

_SHOWN_CHARS = 500


def misfit(schema: dict[str, JsonValue], value: JsonValue) -> str | None:
    """Return how a value does not fit a schema, None if it does; a schema that is none fits not.

    A reference leads nowhere but into the schema itself: looking one up elsewhere would be a way
    out for whoever wrote the schema. 8.0 is no integer: tools take none for one either.
    """
    # Not at the top: it takes as long to import as the kernel, and many runs need none.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError, ValidationError  # noqa: PLC0415
    from jsonschema.validators import extend  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(schema)
        types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, it: type(it) is int)
        strict = extend(Draft202012Validator, type_checker=types)
        strict(schema, registry=Registry()).validate(value)
    except ValidationError as error:
        where = "/".join(map(str, error.absolute_path)) or "the answer"
        return f"{where}: {error.message[:_SHOWN_CHARS]}"
    except SchemaError as error:
        return f"its schema is not usable: {error.message[:_SHOWN_CHARS]}"
    except Unresolvable as error:
        return f"its schema is not usable, a reference leads out of it: {str(error)[:_SHOWN_CHARS]}"
    except RecursionError:
        return "its schema is not usable: it refers to itself without an end"
    return None


def schema_problem(schema: dict[str, JsonValue]) -> str | None:
    """Return why nothing could ever be held against a schema, None if something can."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - as above
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415 - likewise

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return str(error.message)[:_SHOWN_CHARS]
    return None


def check_answer(schema: dict[str, JsonValue], answer: JsonValue) -> None:
    """Raise if an answer does not fit a JSON schema."""
    problem = misfit(schema, answer)
    if problem is not None:
        raise InvalidError(f"the answer does not fit: {problem}")
