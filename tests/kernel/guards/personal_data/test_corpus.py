"""How much is found, and how much is taken for what it is not: measured on the corpus."""

from collections import Counter

import pytest

from quarterdeck_kernel.guards.personal_data.category import CATEGORIES
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.guards.personal_data.scrubber import Scrubber
from tests.kernel.guards.personal_data.corpus import Labelled, negatives, positives

SCRUBBER = Scrubber(PersonalDataPolicy())


def _found(labelled: Labelled) -> tuple[Counter[str], Counter[str], list[str]]:
    """Return how many were found as labelled, how many others, and what was missed."""
    found = Counter(SCRUBBER.findings(labelled.text, "prompt"))
    wanted = Counter(labelled.findings)
    right: Counter[str] = Counter(finding.category for finding in (found & wanted).elements())
    wrong: Counter[str] = Counter(finding.category for finding in (found - wanted).elements())
    missed = [labelled.text[f.start : f.stop] for f in (wanted - found).elements()]
    return right, wrong, missed


def test_everything_in_the_corpus_is_found_and_nothing_else() -> None:
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    missed: list[str] = []
    hits: list[tuple[str, str]] = []
    for labelled in positives():
        one, two, three = _found(labelled)
        right += one
        wrong += two
        missed += three
        wanted.update(finding.category for finding in labelled.findings)
    for text in negatives():
        for start, stop, category in SCRUBBER.findings(text, "prompt"):
            wrong[category] += 1
            hits.append((text, text[start:stop]))
    print()  # noqa: T201 - the figures are what it is for
    for category in CATEGORIES:
        if not wanted[category]:
            continue
        precision = right[category] / ((right[category] + wrong[category]) or 1)
        recall = right[category] / wanted[category]
        print(  # noqa: T201
            f"{category:12} {wanted[category]:4}  precision {precision:.3f}  recall {recall:.3f}"
        )
    assert (missed, hits, +wrong) == ([], [], Counter())


def test_the_corpus_is_large_enough_to_say_something() -> None:
    assert sum(len(labelled.findings) for labelled in positives()) >= 190
    assert len(negatives()) >= 280
    labelled_categories = {f.category for labelled in positives() for f in labelled.findings}
    assert labelled_categories == set(CATEGORIES) - {"name"}


@pytest.mark.parametrize("text", negatives())
def test_what_is_no_personal_data_comes_back_as_the_very_object(text: str) -> None:
    assert SCRUBBER.text(text, "prompt").value is text


@pytest.mark.parametrize("labelled", positives(), ids=lambda labelled: repr(labelled.text[:40]))
def test_nothing_of_what_was_labelled_is_left(labelled: Labelled) -> None:
    scrubbed = SCRUBBER.text(labelled.text, "prompt")
    for start, stop, _ in labelled.findings:
        assert labelled.text[start:stop] not in scrubbed.value
    assert Counter(scrubbed.counts) == Counter(f.category for f in labelled.findings)
