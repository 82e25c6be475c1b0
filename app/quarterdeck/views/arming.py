"""Arming: `a` approves nothing by itself; it lets the very next key or click do it, once."""

from typing import NamedTuple

from quarterdeck.views.hands import Hands

ARMED_S = 10.0
"""What was armed and forgotten lets go by itself."""


class Armed(NamedTuple):
    """What is armed: a content, by the press that was so many-th, at some time."""

    content: str
    touches: int
    at_s: float

    def fires(self, content: str, hands: Hands, now_s: float) -> bool:
        """Tell whether the newest press is the one right after, and about the same content."""
        next_press = hands.touches == self.touches + 1
        return next_press and content == self.content and now_s - self.at_s <= ARMED_S

    def lets_go(self, content: str, hands: Hands, now_s: float) -> bool:
        """Tell whether nothing can come of it any more.

        The next press may be on its way to its action: that one is waited for.
        """
        since = hands.touches - self.touches
        passed = since > 1 or (since == 1 and hands.idle(now_s))
        return passed or content != self.content or now_s - self.at_s > ARMED_S
