"""The JSON Schema that a model is told: no more than it needs, and what is really accepted."""

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue


class _Lean(GenerateJsonSchema):
    """Pydantic's schemas without titles that only repeat names: a model pays for each word."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's
        return False

    def generate_inner(self, schema: object) -> JsonSchemaValue:
        made = super().generate_inner(schema)  # type: ignore[arg-type]
        if made.get("type") == "object" and "properties" in made:
            # Unknown names are refused, whatever a nested model allows elsewhere.
            made["additionalProperties"] = False
        return made


def schema_of(
    adapter: TypeAdapter[dict[str, object]],
    defaults: Mapping[str, JsonValue],
    descriptions: Mapping[str, str],
) -> dict[str, JsonValue]:
    """Return the schema of arguments with these defaults and descriptions."""
    made = adapter.json_schema(schema_generator=_Lean)
    for schema in (made, *made.get("$defs", {}).values()):
        schema.pop("title", None)
    properties = made.setdefault("properties", {})
    for name, schema in properties.items():
        if name in descriptions:
            schema.setdefault("description", descriptions[name])
        if name in defaults:
            schema["default"] = defaults[name]
    required = [name for name in properties if name not in defaults]
    made.pop("required", None)
    if required:
        made["required"] = required
    return cast("dict[str, JsonValue]", made)
