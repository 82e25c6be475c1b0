"""When hands were last on the keyboard, and whether what is decided now was meant.

A decision counts only if what it is about was on the screen for half a second, and half a second
after the key or click before it: a key that is held down, a paste, or a key that was on its way to
something else comes sooner. Pure: time is handed in.
"""

QUIET_S = 0.5


class Hands:
    """Follows keys and clicks of the whole app, and whatever makes one look anew."""

    def __init__(self) -> None:
        """Begin with hands that were never seen."""
        self._last_s = self._before_s = -QUIET_S
        self._disturbed_s = -QUIET_S
        self.touches = 0

    @property
    def last_s(self) -> float:
        """Return when the last key or click came."""
        return self._last_s

    def touch(self, now_s: float) -> None:
        """Note a key, a click or a paste, heard or not."""
        self.touches += 1
        self._before_s, self._last_s = self._last_s, now_s

    def disturb(self, now_s: float) -> None:
        """Note that the person has to look again: resized, or back from elsewhere."""
        self._disturbed_s = now_s

    def idle(self, now_s: float) -> bool:
        """Tell whether what the last key or click did is over."""
        return now_s - self._last_s >= QUIET_S

    def meant(self, shown_s: float | None) -> bool:
        """Tell whether the newest key or click may decide about what is shown since `shown_s`."""
        if shown_s is None:
            return False
        since_s = max(shown_s, self._disturbed_s, self._before_s)
        # A hair less, because a clock's readings are rounded.
        return self._last_s - since_s >= QUIET_S - 1e-6

    def ready_in_s(self, shown_s: float | None, now_s: float) -> float:
        """Return how long nothing may happen until a key would count."""
        if shown_s is None:
            return QUIET_S
        since_s = max(shown_s, self._disturbed_s, self._last_s)
        return max(0.0, since_s + QUIET_S - now_s)
