"""Presidio as one more finder: it knows names, which no pattern does.

The `presidio` extra, imported only when one is made. Its language model is the user's to choose
and to install: it is large, and what it finds is a guess, never certain.
"""

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Protocol, cast

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.guards.personal_data.category import PLACEHOLDERS, Category, Finding

ENTITIES: Mapping[str, Category] = {"PERSON": "name"}
"""What it is asked for. By default it guesses at much more, and is mostly wrong."""

THRESHOLD = 0.35


class Recognised(Protocol):
    """One of Presidio's results: as much of it as is used."""

    @property
    def entity_type(self) -> str:
        """Return what it is in Presidio's words."""
        ...

    @property
    def start(self) -> int:
        """Return where it begins."""
        ...

    @property
    def end(self) -> int:
        """Return where it ends."""
        ...


class Analyzer(Protocol):
    """Presidio's engine: as much of it as is used."""

    def analyze(
        self, text: str, language: str, *, entities: list[str], score_threshold: float
    ) -> Iterable[Recognised]:
        """Return what it takes for personal data."""
        ...


@cache
def _placeholders() -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word) for word in sorted(PLACEHOLDERS)))


class PresidioFinder:
    """Asks Presidio. Give it to a kernel as one of its finders."""

    def __init__(
        self,
        analyzer: Analyzer | None = None,
        *,
        language: str = "en",
        entities: Mapping[str, Category] = ENTITIES,
        threshold: float = THRESHOLD,
    ) -> None:
        """Use an engine of one's own, or the default one, which loads its model now."""
        self._analyzer = analyzer if analyzer is not None else _default_engine()
        self._language = language
        self._entities = dict(entities)
        self._threshold = threshold

    def __call__(self, text: str) -> Iterator[Finding]:
        """Find what it is asked for; what was taken out already is nobody's name."""
        taken = [match.span() for match in _placeholders().finditer(text)]
        results = self._analyzer.analyze(
            text,
            self._language,
            entities=sorted(self._entities),
            score_threshold=self._threshold,
        )
        for result in results:
            start, stop = result.start, result.end
            category = self._entities.get(result.entity_type)
            if category is None or not 0 <= start < stop <= len(text):
                continue
            if not any(begin < stop and start < end for begin, end in taken):
                yield Finding(start, stop, category)


def _default_engine() -> Analyzer:
    try:
        module = importlib.import_module("presidio_analyzer")
    except ImportError as error:
        raise InvalidError(
            "Presidio is not installed; install quarterdeck with its extra, "
            "'quarterdeck[presidio]', and a language model for it, or leave this finder out"
        ) from error
    return cast("Analyzer", module.AnalyzerEngine())
