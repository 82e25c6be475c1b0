"""The table of actions: complete, and what it is told apart by is told once."""

from collections import Counter

import pytest

from quarterdeck.actions import ACTIONS, BY_ID, CHAINS, CHANGING, SCOPES, in_scope
from quarterdeck.keymap import keys_of

TABLE = {
    "global": "w / x y ? F1 : ^P 1 2 3 4 5 Esc q Tab ^L ^C ^Q",
    "list": "↑ k ↓ j PgUp PgDn Home End g G",
    "fleet": "Enter n space * o ← →",
    "menu": "p s b m t a e r v c n",
    "batch": "a",
    "run": "t T , . [ ] ( ) g L o O b B m M d f c v n N",
    "log": "← → space",
    "timeline": "← → space - + z Z",
    "inspector": "← → space",
    "inbox": "Enter space o",
    "approval": "a Enter u e r i",
    "item": "n N o",
    "unknown": "p d f t",
    "dialog": "Esc Enter Tab",
}
"""The keys of INTERFACE, where they are heard."""


def test_every_key_of_the_interface_is_in_the_table() -> None:
    from quarterdeck.keymap import key_label

    for scope in SCOPES:
        ours = {key_label(key) for action in in_scope(scope) for key in keys_of(action)}
        assert set(TABLE.get(scope, "").split()) - ours == set(), scope


def test_every_action_has_a_name_of_its_own_and_says_what_it_does() -> None:
    assert len(BY_ID) == len(ACTIONS)
    for action in ACTIONS:
        assert action.id.startswith(f"{action.scope}.")
        assert action.label
        assert action.tip
        assert action.method.isidentifier()
        assert not action.tip.endswith(".")


def test_every_scope_is_heard_somewhere() -> None:
    assert {scope for chain in CHAINS for scope in chain} == set(SCOPES)


def test_what_changes_a_run_is_told_from_everything_else_by_its_method() -> None:
    methods = Counter(action.method for action in ACTIONS)
    assert {method for method in CHANGING if methods[method] > 1} == set()


def test_what_cannot_be_taken_back_is_asked_about_first() -> None:
    asked = {action.id for action in ACTIONS if action.confirm}
    assert {
        "menu.cancel",
        "menu.cancel_now",
        "menu.merge",
        "menu.restore",
        "batch.approve",
    } <= asked
    assert all(BY_ID[name].changes or BY_ID[name].writes for name in asked)


def test_decisions_are_only_made_in_the_detail() -> None:
    assert [action.id for action in in_scope("inbox") if action.changes] == []
    deciding = {action.scope for action in ACTIONS if action.group == "decide"}
    assert deciding == {"approval", "unknown"}


def test_a_name_without_a_scope_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        _ = ACTIONS[0]._replace(id="nowhere.open").scope
