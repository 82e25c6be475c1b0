"""What the scrubber makes of texts and values: by hand, and of whatever Hypothesis thinks of."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from quarterdeck_kernel.guards.personal_data import email, scrubber
from quarterdeck_kernel.guards.personal_data.category import CATEGORIES, placeholder
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy, Treatments
from quarterdeck_kernel.guards.personal_data.scrubber import Scrubber
from tests.kernel.guards.personal_data.corpus import negatives, positives

SCRUBBER = Scrubber(PersonalDataPolicy())
MAIL = "ada@example.com"
CARD = "4111111111111111"

_pieces = st.one_of(
    st.sampled_from([labelled.text for labelled in positives()]),
    st.sampled_from([lab.text[f.start : f.stop] for lab in positives() for f in lab.findings]),
    st.sampled_from(negatives()),
    st.sampled_from([placeholder(category) for category in CATEGORIES]),
    st.text(max_size=12),
    st.text("0123456789 -+.@:/()[]ab", max_size=24),
)
texts = st.lists(_pieces, max_size=6).flatmap(
    lambda pieces: st.sampled_from(["", " ", ", ", "\n", "-", "+"]).map(lambda by: by.join(pieces))
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def test_what_was_found_is_told_from_one_another_and_counted() -> None:
    scrubbed = SCRUBBER.text(f"{MAIL} and b@example.com paid with {CARD}", "prompt")
    assert scrubbed.value == "[email] and [email] paid with [card]"
    assert scrubbed.counts == {"email": 2, "card": 1}
    assert not scrubbed.blocked


def test_two_people_leave_the_same_behind() -> None:
    one, two = (SCRUBBER.text(f"from {name}@example.com", "prompt") for name in ("ada", "ben"))
    assert one == two


def test_keys_lists_and_whole_numbers_are_looked_at_too() -> None:
    value: JsonValue = {MAIL: [{"deep": [CARD, int(CARD), 17, None]}], "plain": True}
    scrubbed = SCRUBBER.value(value, "result")
    assert scrubbed.value == {"[email]": [{"deep": ["[card]", "[card]", 17, None]}], "plain": True}
    assert scrubbed.counts == {"email": 1, "card": 2}


def test_a_key_says_what_the_number_under_it_is() -> None:
    value: JsonValue = {
        "phone_number": "4155552671",
        "homePhone": 4155552671,
        "ssn": "219099999",
        "order": {"id": 4155552671, "number": "219099999", "total": 1200},
    }
    assert SCRUBBER.value(value, "result").value == {
        "phone_number": "[phone]",
        "homePhone": "[phone]",
        "ssn": "[national id]",
        "order": {"id": 4155552671, "number": "219099999", "total": 1200},
    }


def test_keys_that_become_the_same_stay_apart_in_any_order() -> None:
    one = SCRUBBER.value({"a@example.com": 1, "b@example.com": 2, "[email]": 3}, "result")
    two = SCRUBBER.value({"[email]": 3, "b@example.com": 2, "a@example.com": 1}, "result")
    assert one.value == two.value == {"[email]": 3, "[email] 2": 1, "[email] 3": 2}


def test_a_text_of_json_is_read_as_what_it_says() -> None:
    spelt = '{"to": "ada\\u0040example.com", "line": "a\\nb"}'
    scrubbed = SCRUBBER.json_text(spelt, "output")
    assert json.loads(scrubbed.value) == {"to": "[email]", "line": "a\nb"}
    plain = '{"to":  "nobody", "n": 1.50}'
    assert SCRUBBER.json_text(plain, "output").value is plain


@pytest.mark.parametrize("text", ['{"to": "ada@example.com"', f'{{"a": "{MAIL}", "a": "b"}}'])
def test_what_a_reader_of_json_would_not_see_is_found_all_the_same(text: str) -> None:
    assert MAIL not in SCRUBBER.json_text(text, "output").value


def test_each_place_and_category_has_its_treatment() -> None:
    policy = PersonalDataPolicy.model_validate(
        {"prompt": {"email": "off"}, "arguments": {"card": "block"}, "result": "off"}
    )
    ours = Scrubber(policy)
    text = f"{MAIL} {CARD}"
    assert ours.text(text, "prompt").value == f"{MAIL} [card]"
    assert ours.text(text, "arguments").blocked == {"card": 1}
    assert ours.text(text, "arguments").counts == {"email": 1}
    assert ours.text(text, "result").value is text
    assert ours.text(text, "output").value == "[email] [card]"


def test_a_treatment_or_category_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="burn"):
        PersonalDataPolicy.model_validate({"prompt": "burn"})
    with pytest.raises(ValidationError, match="shoe_size"):
        Treatments.model_validate({"shoe_size": "redact"})


def test_everywhere_the_same_is_one_word() -> None:
    policy = PersonalDataPolicy.everywhere("block")
    assert policy.recording == Treatments.model_validate("block")
    assert Scrubber(policy).text(MAIL, "recording").blocked == {"email": 1}


@given(texts)
@example("a@b.co+4930123456+4930123456")
@example("4111111111111111 4111111111111111-4111111111111111")
@example("https://a:b@c.de@f.gh:i@j.kl")
def test_scrubbing_again_changes_nothing(text: str) -> None:
    once = SCRUBBER.text(text, "prompt").value
    again = SCRUBBER.text(once, "prompt")
    assert again.value is once
    assert not again.counts


@given(values)
def test_values_keep_their_structure_and_nothing_in_them_survives(value: JsonValue) -> None:
    once = SCRUBBER.value(value, "result")
    assert _same_shape(value, once.value)
    again = SCRUBBER.value(once.value, "result")
    assert again.value is once.value
    assert not again.counts


@given(texts)
def test_a_category_that_is_off_is_left_and_the_others_are_not_missed(text: str) -> None:
    for category in CATEGORIES:
        ours = Scrubber(PersonalDataPolicy.model_validate({"prompt": {category: "off"}}))
        found = {f.category for f in ours.findings(text, "prompt")}
        assert category not in found


def _same_shape(before: JsonValue, after: JsonValue) -> bool:
    if isinstance(before, dict):
        return (
            isinstance(after, dict)
            and len(before) == len(after)
            and all(_same_shape(a, b) for a, b in zip(before.values(), after.values(), strict=True))
        )
    if isinstance(before, list):
        return (
            isinstance(after, list)
            and len(before) == len(after)
            and all(map(_same_shape, before, after))
        )
    return before == after or isinstance(after, str)


HOSTILE = (
    "a", "@", "a@", "a.", "a@a.", "1", "1 ", "1-", "+1", "(", "1.", "0 ", "://", "://a:", "?token=",
    "eyJ", "eyJaaaaaaaa.", "eyJaaaaaaaa.eyJaaaaaaaa.", "sk-ant-", "tel ", "tel 0123 ", "bsn 1",
    "DE89 ", "bearer ", "aws_secret_access_key=", "%40a.", "@xn--", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n", "-----END PRIVATE KEY-----", "[email]",
    "a@b.co+4930123456", "4111111111111111", "4111 1111 1111 ", "AKIA", "xoxb-a", "{", "\\n",
)  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_a_hostile_text_takes_time_as_it_is_long(piece: str) -> None:
    short, long = (piece * (size // len(piece)) for size in (2**15, 2**18))
    SCRUBBER.text(short, "prompt")
    took = []
    for text in (short, long):
        # Of this process alone: others keep the machine busy meanwhile.
        began = time.process_time()
        SCRUBBER.text(text, "prompt")
        took.append(time.process_time() - began)
    # Eight times as long: what is quadratic takes 64 times as long, and minutes.
    assert took[1] < 30 * took[0] + 0.3


def test_a_pattern_that_finds_nothing_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubber, "PATTERNS", ())
    blind = Scrubber(PersonalDataPolicy())
    assert blind.text(MAIL, "prompt").value == MAIL


def test_one_round_is_not_enough_for_what_a_neighbour_hid(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a@b.co+4930123456"
    assert SCRUBBER.text(text, "prompt").value == "[email][phone]"
    monkeypatch.setattr(scrubber, "_ROUNDS", 1)
    assert SCRUBBER.text(text, "prompt").value == "[email]+4930123456"


def test_patterns_are_made_when_they_are_needed_first() -> None:
    email._pattern.cache_clear()
    SCRUBBER.text("nothing here to be seen", "prompt")
    assert email._pattern.cache_info().currsize == 0
    SCRUBBER.text(MAIL, "prompt")
    assert email._pattern.cache_info().currsize == 1
