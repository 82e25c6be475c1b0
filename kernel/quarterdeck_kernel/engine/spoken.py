"""What a model says, looked through while it says it.

A listener hears what will be stored, and no sooner than it is certain: what may be a part of
something longer is held back until its end is heard. Whatever has a space in it (a telephone
number, a card) is made of words with digits, so behind other words nothing need be held back.
"""

from quarterdeck_kernel.engine.ingress import Ingress

_LINE_CHARS = 4_096
"""A line that is longer is looked through in pieces: each is looked at again for every word."""

_LOOKED_BACK_CHARS = 200
_LOOKED_BACK_WORDS = 12
_SURE_CHARS = 5
"""Groups of an IBAN without a digit are shorter than this."""


class Spoken:
    """One answer in the making."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress
        self._whole: list[str] = []
        self._line = ""
        self._line_told = ""
        self._told: list[str] = []
        self._waits = not ingress.by_the_word

    def more(self, piece: str) -> str:
        """Take in what was said; return what may be told now."""
        if not self._ingress.looks("output"):
            return piece
        self._whole.append(piece)
        self._line += piece
        self._waits = self._waits or "-----" in self._line
        told: list[str] = []
        while not self._waits and (end := self._line.find("\n") + 1):
            told.append(self._certain(end))
            self._line, self._line_told = self._line[end:], ""
        if not self._waits and (end := _certain_end(self._line)):
            told.append(self._certain(end))
            if end > _LINE_CHARS:
                self._line, self._line_told = self._line[end:], ""
        self._told += told
        return "".join(told)

    def rest(self) -> tuple[bool, str]:
        """Return, at the end, whether what was told is void, and what is still to be told."""
        clean = self._ingress.text("".join(self._whole), "output")
        told = "".join(self._told)
        if clean.blocked:
            return bool(told), ""
        if clean.value.startswith(told):
            return False, clean.value[len(told) :]
        return True, clean.value

    def _certain(self, end: int) -> str:
        """Return what is new in the line up to a place where nothing can be that goes on."""
        clean = self._ingress.text(self._line[:end], "output").value
        if not clean.startswith(self._line_told):
            self._waits = True
            return ""
        new, self._line_told = clean[len(self._line_told) :], clean
        return new


def _certain_end(line: str) -> int:
    """Return where the last word ends behind which nothing can go on that began before; or 0."""
    end = len(line)
    for _ in range(_LOOKED_BACK_WORDS):
        end = line.rfind(" ", 0, end)
        if end < 0:
            return 0
        words = line[max(0, end - _LOOKED_BACK_CHARS) : end].split()[-2:]
        if words and _is_plain(words[-1]) and (len(words[-1]) >= _SURE_CHARS or _wordy(words[0])):
            return end + 1
    return 0


def _is_plain(word: str) -> bool:
    """Tell whether it is a word of prose: neither a number, a code, an address nor a link."""
    return _wordy(word) and any(map(str.islower, word)) and "@" not in word and "://" not in word


def _wordy(word: str) -> bool:
    return not any(map(str.isdigit, word))
