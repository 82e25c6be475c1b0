"""What a person may answer to a question, by its type; recorded with it as a JSON schema.

Who answers sits in another process, and has the record alone. A question that nothing may go on
without a yes to (approve, apply_changes, reauth) has no other answer than that: a no is a
rejection, which code cannot take for consent by not looking.
"""

from typing import get_args

from pydantic import JsonValue

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.vocabulary.words import PauseType

Schema = dict[str, JsonValue]

APPROVABLE: frozenset[PauseType] = frozenset({"confirm", "approve", "apply_changes", "reauth"})
"""Types of questions that are answered by approving, as well as by saying `true`."""

_TEXT: Schema = {"type": "string", "minLength": 1}


def answer_form(kind: PauseType, options: tuple[str, ...], schema: Schema | None) -> Schema | None:
    """Return the schema that an answer must fit; None where anything may be answered."""
    if kind not in get_args(PauseType):
        raise InvalidError(f"{kind!r} is no type of a pause; use one of {get_args(PauseType)}")
    _check_options(kind, options, schema)
    if schema is not None:
        return schema
    match kind:
        case "confirm":
            return {"type": "boolean"}
        case "approve" | "apply_changes" | "reauth":
            return {"const": True}
        case "choose":
            return {"enum": list(options)}
        case "input":
            return {"type": "string"}
        case "upload":
            return {
                "type": "object",
                "properties": {
                    "name": _TEXT,
                    "path": _TEXT,
                    "media_type": {"type": "string"},
                    "size": {"type": "integer", "minimum": 0},
                    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                },
                "required": ["name", "path"],
                "additionalProperties": False,
            }
        case "custom":
            return None


def _check_options(kind: PauseType, options: tuple[str, ...], schema: Schema | None) -> None:
    if not all(isinstance(option, str) for option in options):
        raise InvalidError(f"the options {list(options)!r} are not all texts; give texts")
    if kind == "choose" and schema is None and not options:
        raise InvalidError("there is nothing to choose from; give options, or say type='input'")
    if len(set(options)) < len(options):
        raise InvalidError(f"the options {list(options)!r} hold one twice; give each once")
