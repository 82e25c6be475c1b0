"""Which steps a run has, where that is known without a look at the store.

Known only of a run that was driven from here alone, since its beginning: steps are written by who
holds the lease, and by nobody else. What is not known is looked up; nothing is ever guessed.
"""

from collections.abc import Iterable

from quarterdeck_kernel.events.envelope import Event

_STEP_KEYS = 4_096
"""Step keys of one run that are remembered: a megabyte at most."""


class KnownSteps:
    """The keys of all steps of a run, or nothing at all."""

    def __init__(self) -> None:
        """Know nothing."""
        self._keys: set[str] | None = None

    def begin(self) -> None:
        """Know that there is no step yet."""
        self._keys = set()

    def forget(self) -> None:
        """Know nothing any more: something may have been written that was not seen."""
        self._keys = None

    def note(self, events: Iterable[Event]) -> None:
        """Learn of what was just written."""
        if self._keys is not None:
            keys = (getattr(event.payload, "step_key", None) for event in events)
            self._keys.update(key for key in keys if key is not None)
            if len(self._keys) > _STEP_KEYS:
                self._keys = None

    def lacks(self, step_key: str) -> bool:
        """Tell whether a step is known to be on no record."""
        return self._keys is not None and step_key not in self._keys
