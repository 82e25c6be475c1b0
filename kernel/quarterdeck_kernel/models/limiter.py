"""The limiter: how many requests a provider gets at once from this process, whatever the run.

A model's provider is what stands before the first slash of its name; a name without one is of a
model in this process, which nothing limits. Where a provider asks for patience, all runs have it.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from quarterdeck_kernel.clock import Clock, sleep

AT_ONCE: Final = 16
"""Requests at once to one provider, if nothing else is said."""

_PATIENCE_US: Final = 60_000_000
"""No provider keeps all runs waiting longer on one word; each still has its own waits."""


def provider_of(model: str) -> str | None:
    """Return whose a model is, None for one that is nobody's."""
    name, slash, _ = model.partition("/")
    return name if slash else None


class Limiter:
    """One for a kernel: every request passes here."""

    def __init__(self, clock: Clock, at_once: Mapping[str, int] | None = None) -> None:
        """`at_once` says for a provider how many requests it may have."""
        self._clock = clock
        self._at_once = dict(at_once or {})
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._shut_until_us: dict[str, int] = {}

    async def enter(self, model: str) -> None:
        """Wait for a slot, first come first served, and until the provider is open.

        Where there is one this does not wait at all.
        """
        provider = provider_of(model)
        if provider is None:
            return
        slots = self._slots_of(provider)
        await slots.acquire()
        try:
            while (left_us := self._shut_us(provider)) > 0:
                await sleep(self._clock, left_us)
        except BaseException:
            slots.release()
            raise

    def leave(self, model: str) -> None:
        """Give the slot back."""
        provider = provider_of(model)
        if provider is not None:
            self._slots_of(provider).release()

    def shut(self, model: str, for_us: int | None) -> None:
        """Ask a model's provider nothing for so long, because it wants that."""
        provider = provider_of(model)
        if provider is not None and for_us is not None:
            until_us = self._clock.monotonic_us() + min(for_us, _PATIENCE_US)
            self._shut_until_us[provider] = max(until_us, self._shut_until_us.get(provider, 0))

    def _slots_of(self, provider: str) -> asyncio.Semaphore:
        slots = self._slots.get(provider)
        if slots is None:
            number = self._at_once.get(provider, AT_ONCE)
            slots = self._slots[provider] = asyncio.Semaphore(number)
        return slots

    def _shut_us(self, provider: str) -> int:
        return self._shut_until_us.get(provider, 0) - self._clock.monotonic_us()
