"""What is told while a model speaks: what will be stored, in whatever pieces it comes."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel.engine import spoken
from quarterdeck_kernel.engine.ingress import Ingress
from quarterdeck_kernel.engine.secrets import Secrets
from quarterdeck_kernel.engine.spoken import Spoken
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from tests.kernel.engine.model_stage import Stage, says
from tests.kernel.guards.personal_data.corpus import negatives, positives

INGRESS = Ingress(PersonalDataPolicy(), secrets=Secrets({}))
LINES = [labelled.text for labelled in positives()]
VALUES = [lab.text[f.start : f.stop] for lab in positives() for f in lab.findings]

answers = st.lists(
    st.sampled_from(LINES)
    | st.sampled_from(negatives())
    | st.sampled_from(["and then they said nothing", "well, ", "i", "4 of them", "AB CD"]),
    min_size=1,
    max_size=5,
).flatmap(lambda lines: st.sampled_from(["\n", " ", "\n\n"]).map(lambda by: by.join(lines)))


def told(text: str, sizes: Sequence[int], ingress: Ingress = INGRESS) -> list[str | None]:
    """Return what a listener hears of a text that comes in pieces of these sizes."""
    heard: list[str | None] = []
    said, at, turn = Spoken(ingress), 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        if now := said.more(text[at : at + size]):
            heard.append(now)
        at, turn = at + size, turn + 1
    void, rest = said.rest()
    return [*heard, *([None] if void else []), *([rest] if rest else [])]


@given(answers, st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_what_is_told_is_what_will_be_stored_and_never_was_anything_else(
    text: str, sizes: list[int]
) -> None:
    heard = told(text, sizes)
    whole = "".join(piece for piece in heard if piece is not None)
    clean = INGRESS.text(text, "output").value
    if None in heard:
        # Taken back: the words were told anew, and none of them was private.
        assert "".join(p for p in heard[heard.index(None) + 1 :] if p is not None) == clean
    else:
        assert whole == clean


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_nothing_of_the_corpus_is_told_in_pieces_of_any_size(size: int) -> None:
    for line, value in (
        (lab.text, lab.text[f.start : f.stop]) for lab in positives() for f in lab.findings
    ):
        heard = "".join(piece or "" for piece in told(f"Listen:\n{line} and so on", [size]))
        assert value not in heard


def test_prose_is_told_word_by_word() -> None:
    heard = told("There were twenty barrels in the hold", [1])
    assert heard == ["There ", "were ", "twenty ", "barrels ", "in ", "the ", "hold"]


def test_a_number_is_held_back_until_it_is_over() -> None:
    heard = told("Please call +49 30 901820 today, will you", [4])
    assert heard == ["Please ", "call ", "[phone] today, ", "will ", "you"]


def test_a_secret_of_several_words_is_told_at_the_end() -> None:
    ingress = Ingress(None, secrets=Secrets({"PHRASE": "correct horse battery"}))
    assert told("it is correct horse battery, sir", [3], ingress) == ["it is [secret], sir"]


def test_a_key_is_never_told_by_lines() -> None:
    text = "Here:\n-----BEGIN PRIVATE KEY-----\nnot really a key\n-----END PRIVATE KEY-----\nDone."
    assert told(text, [5]) == ["Here:\n", "[private key]\nDone."]


def test_nothing_is_held_back_where_nothing_is_looked_for() -> None:
    assert told("a@b.example 4 2", [2], Ingress()) == [
        "a@",
        "b.",
        "ex",
        "am",
        "pl",
        "e ",
        "4 ",
        "2",
    ]


def test_a_long_answer_takes_time_as_it_is_long() -> None:
    said = Spoken(INGRESS)
    for _ in range(20_000):
        said.more("word after ")
    assert len(said._line) < 3 * spoken._LINE_CHARS


def test_a_speaker_that_holds_nothing_back_would_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken, "_certain_end", len)
    heard = told("Please call +49 30 901820 today", [4])
    assert "+49 30" in "".join(piece or "" for piece in heard)


async def test_a_listener_of_a_kernel_hears_what_is_stored(stage: Stage) -> None:
    text = "My number is 415-555-2671, ask for ada@example.com there."

    async def speaks(_request: ModelRequest, listener: TextListener | None) -> ModelAnswer:
        for c in text:
            if listener is not None:
                listener(c)
            await asyncio.sleep(0)
        return says(text)

    heard: list[str | None] = []
    async with await stage.kernel(speaks) as kernel:
        run = await kernel.start_run(agent="purser")
        result = await kernel.step_model(
            run=run, step_key="m", prompt="who?", listener=heard.append
        )
    assert None not in heard
    assert len(heard) > 3
    assert "".join(piece or "" for piece in heard) == result.text
    assert result.text == "My number is [phone], ask for [email] there."
