"""The published schema is the one of the models, and says yes and no as they do.

After a deliberate change:  python tests/kernel/settings/test_schema.py
"""

import tomllib
from pathlib import Path

import jsonschema
import pytest

import quarterdeck_kernel.settings
from quarterdeck_kernel.settings.schema import (
    SCHEMA_FILE,
    published_schema,
    schema_text,
    settings_schema,
)


def test_the_published_schema_is_the_one_of_the_models() -> None:
    assert published_schema() == schema_text(), "python tests/kernel/settings/test_schema.py"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("guards.mode = 'enforced'", True),
        ("guards.mode = 'x'", False),
        ("guard.mode = 'open'", False),
        ("[[rules]]\nname = 'a'\nverdict = 'deny'\narguments.x.path_under = ['a']", True),
        ("[[rules]]\nname = 'a'\nverdict = 'deny'\nwhen = { after = '22:00' }", True),
        ("[[rules]]\nname = 'a'\nverdict = 'deny'\narguments.x.path_undr = ['a']", False),
        ("budgets.run.usd = 0.5", True),
        ("budgets.run.usd = -1", False),
        ("personal_data.prompt.email = 'off'", True),
        ("personal_data.promt = 'off'", False),
        ("tenants.acme.budget_usd = 1", True),
    ],
)
def test_an_editor_with_the_schema_says_what_the_kernel_says(*, text: str, fits: bool) -> None:
    schema = settings_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(tomllib.loads(text)) == fits


if __name__ == "__main__":
    folder = Path(quarterdeck_kernel.settings.__file__).parent
    (folder / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
