"""A workspace overrides its user's settings, and never loosens policy, guards or budgets."""

from decimal import Decimal
from pathlib import Path

import pytest

from quarterdeck_kernel.settings.settings import Settings
from tests.kernel.settings.files import read

RULE = "[[rules]]\nname = '{}'\nverdict = 'deny'\n"


EXCEED = "budgets.on_exceed"
INPUT = "models.x.input_usd"
A_USD, B_USD = "tenants.a.budget_usd", "tenants.b.budget_usd"
IBAN = "personal_data.prompt.iban"
OFF_BUT_EMAIL = dict.fromkeys(
    ("email", "phone", "national_id", "iban", "card", "api_key", "private_key", "password", "name"),
    "off",
) | {"email": "redact"}


def value(settings: Settings, path: str) -> object:
    found: object = settings
    for part in path.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    return found


@pytest.mark.parametrize(
    ("workspace", "user", "path", "wanted"),
    [
        ("guards.mode = 'open'", "guards.mode = 'enforced'", "guards.mode", "enforced"),
        ("guards.mode = 'enforced'", "guards.mode = 'open'", "guards.mode", "enforced"),
        ("limits.turn.tool_calls = 9", "limits.turn.tool_calls = 3", "limits.turn.tool_calls", 3),
        ("limits.turn.tool_calls = 2", "limits.turn.tool_calls = 3", "limits.turn.tool_calls", 2),
        ("limits.run.tokens = 2", "", "limits.run.tokens", 2),
        ("", "limits.request.tokens = 2", "limits.request.tokens", 2),
        ("budgets.day.usd = 9", "budgets.day.usd = 3", "budgets.day.usd", Decimal(3)),
        ("budgets.day.usd = 1", "budgets.day.usd = 3", "budgets.day.usd", Decimal(1)),
        (
            "budgets.on_exceed = 'degrade'\ntiers.small = ['x']",
            "budgets.on_exceed = 'deny'",
            EXCEED,
            "deny",
        ),
        ("budgets.on_exceed = 'degrade'", "tiers.small = ['x']", EXCEED, "degrade"),
        (
            "budgets.unknown_cost = 'show'",
            "budgets.unknown_cost = 'refuse'",
            "budgets.unknown_cost",
            "refuse",
        ),
        (
            "budgets.unknown_cost = 'refuse'",
            "budgets.unknown_cost = 'show'",
            "budgets.unknown_cost",
            "refuse",
        ),
        ("loops.block = 9", "loops.block = 5", "loops.block", 5),
        ("breaker.errors = 9", "breaker.errors = 5", "breaker.errors", 5),
        (
            "models.x.input_usd = 0",
            "models.x.input_usd = 2.5",
            INPUT,
            Decimal("2.5"),
        ),
        ("models.x.tier = 'mid'", "models.x.tier = 'small'", "models.x.tier", "mid"),
        (
            "personal_data = { prompt = 'off' }",
            "personal_data = { prompt = 'block' }",
            IBAN,
            "block",
        ),
        (
            "personal_data = { prompt = 'block' }",
            "personal_data = { prompt = 'off' }",
            IBAN,
            "block",
        ),
        (
            "personal_data = { prompt = 'off' }",
            "personal_data.prompt.email = 'redact'",
            "personal_data.prompt",
            {"email": "redact"}
            | dict.fromkeys(
                [
                    "phone",
                    "national_id",
                    "iban",
                    "card",
                    "api_key",
                    "private_key",
                    "password",
                    "name",
                ],
                "off",
            ),
        ),
        (
            "tenants.a = { capabilities = ['x', 'y'], budget_usd = 9 }",
            "tenants.a = { capabilities = ['y', 'z'], budget_usd = 5 }",
            "tenants.a.capabilities",
            ("y",),
        ),
        (
            "tenants.a.budget_usd = 9",
            "tenants.a.budget_usd = 5",
            "tenants.a.budget_usd",
            Decimal(5),
        ),
        (
            "tenants.a.budget_usd = 9",
            "tenants.b.budget_usd = 5",
            "tenants.b.budget_usd",
            Decimal(5),
        ),
        (
            "tools.shell.secrets = ['A', 'B']",
            "tools.shell.secrets = ['B', 'C']",
            "tools.shell.secrets",
            ("B",),
        ),
    ],
)
def test_the_stricter_of_both_holds(
    tmp_path: Path, workspace: str, user: str, path: str, wanted: object
) -> None:
    assert value(read(tmp_path, workspace, user), path) == wanted


def test_the_rules_of_both_are_in_force_also_under_one_name(tmp_path: Path) -> None:
    settings = read(tmp_path, RULE.format("a"), RULE.format("b") + RULE.format("a"))
    assert [rule.name for rule in settings.rules] == ["b", "a", "a"]


def test_every_section_has_its_say_when_two_files_meet() -> None:
    # A section that `under` forgets would be the workspace's alone.
    merged: dict[str, object] = {}

    class Seen(Settings):
        def model_copy(self, *, update: object = None, deep: bool = False) -> "Seen":
            assert not deep
            assert isinstance(update, dict)
            merged.update(update)
            return self

    Seen().under(Seen())
    assert set(merged) == set(Settings.model_fields)
