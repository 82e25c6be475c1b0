"""Telling a listener what a model says, while it says it.

A listener is an observer: one that fails is logged and never stops a step, and nothing is ever
done upon what it was told.
"""

import logging

from quarterdeck_kernel.engine.ingress import Ingress
from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.engine.spoken import Spoken

_log = logging.getLogger("quarterdeck")


def tell(asked: AskedModel, text: str | None) -> None:
    """Tell whoever listens to a step, if anybody does; None voids what was told before."""
    if asked.listener is None:
        return
    try:
        asked.listener(text)
    except Exception:  # noqa: BLE001 - an observer fails open; logged
        _log.exception("the listener of step %r failed", asked.step_key)


class Hearing:
    """What one try says is passed on until the try is over: a provider may not notice that."""

    def __init__(self, asked: AskedModel, ingress: Ingress) -> None:
        self._asked = asked
        self._spoken = Spoken(ingress)
        self._over = False

    def __call__(self, text: str) -> None:
        """Pass a piece on, as far as it is certain what it is a part of."""
        if not self._over and (told := self._spoken.more(text)):
            tell(self._asked, told)

    def end(self) -> None:
        """Pass on what was held back: all was said."""
        void, text = self._spoken.rest()
        if void:
            tell(self._asked, None)
        if text:
            tell(self._asked, text)

    def close(self) -> None:
        """Pass nothing on any more."""
        self._over = True
