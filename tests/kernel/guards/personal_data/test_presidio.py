"""Our side of Presidio: a stand-in for it, since its model cannot be had here."""

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import NamedTuple

import pytest

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.guards.personal_data.presidio import PresidioFinder
from quarterdeck_kernel.guards.personal_data.scrubber import Scrubber


class Result(NamedTuple):
    entity_type: str
    start: int
    end: int
    score: float = 0.85


class FakeEngine:
    """Takes every word that begins with a capital for a name."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], float]] = []

    def analyze(
        self, text: str, language: str, *, entities: list[str], score_threshold: float
    ) -> Iterable[Result]:
        assert language == "en"
        self.asked.append((entities, score_threshold))
        at = 0
        for word in text.split():
            at = text.index(word, at)
            if word[:1].isupper() or word.startswith("["):
                yield Result("PERSON", at, at + len(word))
            at += len(word)
        yield Result("ORGANIZATION", 0, 1)
        yield Result("PERSON", 5, 10_000)


def test_names_are_taken_out_beside_what_patterns_find() -> None:
    engine = FakeEngine()
    ours = Scrubber(PersonalDataPolicy(), finders=[PresidioFinder(engine)])
    scrubbed = ours.text("tell Ada at ada@example.com to call Ben", "prompt")
    assert scrubbed.value == "tell [name] at [email] to call [name]"
    assert scrubbed.counts == {"name": 2, "email": 1}
    assert engine.asked[0] == (["PERSON"], 0.35)


def test_what_was_taken_out_is_no_name() -> None:
    ours = Scrubber(PersonalDataPolicy(), finders=[PresidioFinder(FakeEngine())])
    once = ours.text("[email] wrote to Ada", "prompt").value
    assert once == "[email] wrote to [name]"
    assert ours.text(once, "prompt").value is once


def test_names_may_be_off() -> None:
    policy = PersonalDataPolicy.model_validate({"prompt": {"name": "off"}})
    ours = Scrubber(policy, finders=[PresidioFinder(FakeEngine())])
    assert ours.text("tell Ada", "prompt").value == "tell Ada"


def test_the_default_engine_is_made_of_the_installed_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("presidio_analyzer")
    module.AnalyzerEngine = FakeEngine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "presidio_analyzer", module)
    found = PresidioFinder()("tell Ada")
    assert [(f.start, f.stop) for f in found] == [(5, 8)]


def test_a_missing_presidio_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(InvalidError, match=r"quarterdeck\[presidio\]"):
        PresidioFinder()
