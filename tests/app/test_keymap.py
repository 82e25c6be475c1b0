"""The rules of keys, over the whole table; each with a mutant that breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.actions import ACTIONS, BY_ID, CHAINS
from quarterdeck.keymap import (
    DEFAULT_RULES,
    RULES,
    SHADOWS,
    Rule,
    case_pairs,
    clashes,
    key_label,
    key_name,
    keymap_problems,
    keys_arrive,
    keys_markdown,
    keys_of,
    moving_keys_move,
    nothing_hard_to_type,
    nothing_taken,
    rekeyed,
)


@pytest.mark.parametrize("rule", DEFAULT_RULES, ids=lambda rule: rule.__name__)
def test_our_own_keys_keep_every_rule(rule: Rule) -> None:
    assert rule(ACTIONS) == []


@pytest.mark.parametrize(
    ("rule", "keymap"),
    [
        (case_pairs, {"menu.cancel": "V"}),
        (case_pairs, {"approval.reject": "U"}),
        (case_pairs, {"approval.reject": "O"}),
        (moving_keys_move, {"menu.cancel_now": "j"}),
        (moving_keys_move, {"fleet.open": "right"}),
        (keys_arrive, {"menu.hold": "ctrl+i"}),
        (keys_arrive, {"menu.hold": "ctrl+m,ctrl+h"}),
        (clashes, {"menu.cancel_now": "c"}),
        (clashes, {"fleet.open": "x"}),
        (clashes, {"run.fork": "?"}),
        (nothing_hard_to_type, {"run.trouble_next": "]"}),
        (nothing_hard_to_type, {"fleet.open": "shift+up"}),
        (nothing_hard_to_type, {"fleet.open": "alt+o"}),
        (nothing_taken, {"global.stop": "ctrl+b"}),
        (nothing_taken, {"global.stop": "ctrl+g,ctrl+s"}),
    ],
)
def test_every_rule_bites(rule: Rule, keymap: dict[str, object]) -> None:
    assert rule(rekeyed(keymap))


def test_whatever_shadows_on_purpose_really_does_and_changes_no_run() -> None:
    for nearer, farther in SHADOWS:
        assert set(keys_of(BY_ID[nearer])) & set(keys_of(BY_ID[farther]))
        assert not BY_ID[nearer].changes
        assert not BY_ID[farther].changes


def test_the_rules_look_at_every_chain() -> None:
    for chain in CHAINS:
        scopes = [action for action in ACTIONS if action.scope in chain and action.keys]
        first, last = scopes[0], scopes[-1]
        assert clashes(rekeyed({first.id: last.keys.split(",")})) != []


@pytest.mark.parametrize(
    ("keymap", "said"),
    [
        ({"fleet.opn": "x"}, "there is no action 'fleet.opn'; did you mean 'fleet.open'?"),
        ({"zzz": "x"}, "there is no action 'zzz'; `?` lists every action"),
        ({"fleet.open": "entr"}, "fleet.open: there is no key 'entr'; did you mean 'enter'?"),
        ({"fleet.open": 7}, "fleet.open: 7 is no key; write one as a string"),
        ({"fleet.open": []}, "fleet.open: [] is no key; write one as a string"),
        ({"fleet.open": ""}, "fleet.open: there is no key ''"),
        ({"fleet.open": "hyper+o"}, "fleet.open: there is no key 'hyper+o'"),
        ({"fleet.open": "x"}, "'x' means both fleet.open and global.menu"),
        ({"menu.hold": "k"}, "'k' only moves, so menu.hold cannot have it"),
        ({"menu.hold": "ctrl+m"}, "menu.hold has only 'ctrl+m', which most terminals send as"),
    ],
)
def test_a_bad_keymap_is_told_with_the_nearest_name(keymap: dict[str, object], said: str) -> None:
    problems = keymap_problems(keymap)
    assert any(problem.startswith(said) for problem in problems), problems


@pytest.mark.parametrize(
    "keymap",
    [
        {},
        {"fleet.open": "enter,f5"},
        {"fleet.open": ["Enter", "Ctrl+O"]},
        {"run.trouble_next": "]"},
        {"fleet.new": "o", "fleet.order": "n"},
        {"item.next": ","},
        {"menu.merge": "+"},
    ],
)
def test_a_good_keymap_has_no_problems(keymap: dict[str, object]) -> None:
    assert keymap_problems(keymap) == []


@given(
    st.dictionaries(st.sampled_from([*BY_ID, "x.y"]), st.text() | st.lists(st.text()) | st.none())
)
def test_whatever_a_file_says_is_judged_and_never_raises(keymap: dict[str, object]) -> None:
    if not keymap_problems(keymap):
        assert [problem for rule in RULES for problem in rule(rekeyed(keymap))] == []


def test_names_of_keys_are_read_as_people_write_them() -> None:
    written = ["?", "Esc", "Ctrl+P", "G", "g", "PgUp", "+", "ctrl++", "F1", "slash", " "]
    assert [key_name(key) for key in written] == [
        "question_mark", "escape", "ctrl+p", "G", "g", "pageup", "plus", "ctrl+plus", "f1",
        "slash", "space",
    ]  # fmt: skip
    assert key_name("ctrl+ctrl+p") is None
    shown = ["question_mark", "ctrl+p", "up", "shift+tab", "G", "pagedown"]
    assert [key_label(key) for key in shown] == ["?", "^P", "↑", "Shift+Tab", "G", "PgDn"]


def test_the_list_for_the_readme_has_every_action_and_promises_no_command_there_is_not() -> None:
    text = keys_markdown()
    rows = [
        line for line in text.splitlines() if line.startswith("| ") and "keys | what" not in line
    ]
    assert len(rows) == len(ACTIONS)
    assert "quarterdeck" not in text
    assert all(line.count("|") == 4 for line in rows)
    assert "`quarterdeck hold RUN`" in keys_markdown(commands=["hold"])
