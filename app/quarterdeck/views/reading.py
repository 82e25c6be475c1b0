"""What of a text was shown: kept by places in the text, so that no resize makes it forget.

Pure. A line counts once it was painted whole; a line that another width makes of the same
characters is as read as they are.
"""

from collections.abc import Sequence

from quarterdeck.views.wrapping import Wrapped


class Reading:
    """The parts of one text that were shown, as spans that do not touch each other."""

    def __init__(self) -> None:
        """Begin unread."""
        self._spans: list[tuple[int, int]] = []

    def show(self, begin: int, end: int) -> None:
        """Note that the characters from `begin` to before `end` were shown."""
        apart = [span for span in self._spans if span[1] < begin or span[0] > end]
        near = [span for span in self._spans if not (span[1] < begin or span[0] > end)]
        begin = min([begin, *(span[0] for span in near)])
        end = max([end, *(span[1] for span in near)])
        self._spans = sorted([*apart, (begin, end)])

    def covers(self, begin: int, end: int) -> bool:
        """Tell whether all of a part was shown."""
        return any(begin >= span[0] and end <= span[1] for span in self._spans)

    def unread(self, lines: Sequence[Wrapped]) -> int:
        """Return how many of some lines were not shown whole."""
        return sum(not self.covers(line.begin, line.end) for line in lines)


class ReadingBook:
    """What was shown of every content. Another content under the same name is unread."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._readings: dict[str, Reading] = {}
        self._whole: set[str] = set()

    def of(self, content: str) -> Reading:
        """Return the reading of a content, which its digest names."""
        return self._readings.setdefault(content, Reading())

    def finish(self, content: str) -> None:
        """Note that all of a content was shown."""
        self._whole.add(content)

    def finished(self, content: str) -> bool:
        """Tell whether all of a content was shown, however it was wrapped."""
        return content in self._whole
