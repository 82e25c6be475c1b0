"""The form of a new run, without a screen: one sentence for each slip, the key before the start."""

from dataclasses import replace

import pytest

from quarterdeck.views.amounts import dollars, span_s
from quarterdeck.views.crew import Crew
from quarterdeck.views.new_run import (
    FIELDS,
    Order,
    Started,
    beside,
    explained,
    fault,
    missing_key,
    order_of,
)
from tests.app.ledgers import crew

GOOD = {"agent": "cleaner", "objective": "tidy up", "model": "", "budget": "", "tenant": "local",
        "deadline": ""}  # fmt: skip


def test_what_is_typed_right_is_an_order() -> None:
    assert fault(GOOD, crew()) is None
    assert order_of(GOOD) == Order("cleaner", "tidy up")
    more = {**GOOD, "model": " offline ", "budget": "$2.50", "deadline": "10m"}
    assert fault(more, crew()) is None
    assert order_of(more) == Order("cleaner", "tidy up", "offline", 2_500_000, "local", 600)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("agent", "", "name the agent"),
        ("agent", "cleanr", "did you mean 'cleaner'?"),
        ("agent", "\x1b[2J", "there is no agent '\\x1b[2J'"),
        ("agent", "scout", "which is down: no answer"),
        ("objective", "  ", "say what is to be done"),
        ("objective", "x" * 20_001, "20,001 characters; 20,000 are the most"),
        ("model", "two words", "'two words' is no name of a model"),
        ("budget", "lots", "'lots' is no amount in dollars; write it as 2.50"),
        ("budget", "0", "no amount"),
        ("budget", "-1", "no amount"),
        ("budget", "NaN", "no amount"),
        ("budget", "1e99", "no amount"),
        ("budget", "0.0000001", "no amount"),
        ("tenant", "", "'local' if nobody else's"),
        ("tenant", "acmee", "did you mean 'acme'?"),
        ("deadline", "soon", "'soon' is no time; write it as 90s, 10m, 2h or 1d"),
        ("deadline", "٣m", "no time"),
        ("deadline", "0m", "no time"),
    ],
)
def test_each_slip_is_named_in_a_sentence_with_its_field(field: str, typed: str, said: str) -> None:
    known = replace(crew(), tenants=("acme", "local"))
    found = fault({**GOOD, field: typed}, known)
    assert found is not None
    assert found.field == field
    assert said in found.text
    assert "\n" not in found.text


def test_an_agent_without_a_model_needs_one_named() -> None:
    alone = replace(crew(), default_model=None, agents=(replace(crew().agents[0], model=None),))
    found = fault(GOOD, alone)
    assert found is not None
    assert found.field == "model"
    assert fault({**GOOD, "model": "offline"}, alone) is None


def test_what_is_not_read_yet_or_cannot_be_says_so() -> None:
    reading = fault(GOOD, Crew())
    broken = fault(GOOD, Crew(trouble="quarterdeck.toml: line 3"))
    assert reading is not None
    assert reading.text == "the agents are still being read"
    assert broken is not None
    assert broken.text == "quarterdeck.toml: line 3"


def test_a_missing_key_is_named_and_what_needs_none() -> None:
    assert missing_key(GOOD, crew()) is None
    wanting = {**GOOD, "agent": "researcher"}
    said = missing_key(wanting, crew())
    assert said is not None
    assert "needs ANTHROPIC_API_KEY, which is not set" in said
    assert "choose 'offline'" in said
    assert missing_key(wanting, replace(crew(), keys=frozenset({"ANTHROPIC_API_KEY"}))) is None
    # Any model that is typed is judged, not only those that are known.
    assert "OPENAI_API_KEY" in (missing_key({**GOOD, "model": "gpt-5"}, crew()) or "")
    assert missing_key({**GOOD, "model": "offline"}, crew()) is None


def test_arrows_go_round_the_choices_and_leave_other_texts_alone() -> None:
    known = crew()
    assert beside("agent", "cleaner", 1, known) == "researcher"
    assert beside("agent", "cleaner", -1, known) == "scout"
    assert beside("agent", "", 1, known) == "cleaner"
    assert beside("agent", "clea", 1, known) is None
    assert beside("objective", "", 1, known) is None
    assert beside("tenant", "local", 1, replace(known, tenants=("acme",))) == "acme"


def test_every_field_is_explained() -> None:
    for field in FIELDS:
        assert explained(field, GOOD, crew())
    assert "needs no key" in explained("model", GOOD, crew())
    wanting = {**GOOD, "agent": "researcher"}
    assert "ANTHROPIC_API_KEY is not set" in explained("model", wanting, crew())
    assert "2.50" in explained("budget", wanting, crew())
    assert explained("agent", {**GOOD, "agent": "x"}, crew()).startswith("One of cleaner")


def test_what_becomes_of_a_run_is_said() -> None:
    assert Started("r", driven=True).told() == "run r: it is driven here"
    assert Started("r", driven=False).told() == "run r: queued: start `quarterdeck worker`"


def test_amounts_are_read_exactly() -> None:
    assert [dollars(text) for text in ("2.5", " $1 ", "0.000001")] == [2_500_000, 1_000_000, 1]
    assert [span_s(text) for text in ("90s", "10m", "2h", "1d")] == [90, 600, 7_200, 86_400]
