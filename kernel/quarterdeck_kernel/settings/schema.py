"""The JSON schema of `quarterdeck.toml`, as editors read it."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from quarterdeck_kernel.settings.settings import Settings

SCHEMA_FILE: Final = "quarterdeck.schema.json"


@cache
def settings_schema() -> dict[str, Any]:
    """Return the schema, made of the models."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Settings.model_json_schema(),
        "title": "quarterdeck.toml",
    }


def schema_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(settings_schema(), indent=2, sort_keys=True) + "\n"


def published_schema() -> str:
    """Return the text of the published schema."""
    return files("quarterdeck_kernel.settings").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
