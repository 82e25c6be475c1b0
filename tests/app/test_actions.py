"""The action table: no key means two things in one place."""

from collections import Counter

from quarterdeck.actions import ACTIONS, bindings


def test_no_key_means_two_things_in_one_place() -> None:
    for place in ("everywhere", "fleet", "log"):
        keys = Counter(
            key for action in ACTIONS if action.place == place for key in action.keys.split(",")
        )
        assert [key for key, count in keys.items() if count > 1] == []


def test_every_action_has_a_binding() -> None:
    made = sum(len(bindings(place)) for place in ("everywhere", "fleet", "log"))
    assert made == len(ACTIONS)
