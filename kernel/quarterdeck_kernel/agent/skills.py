"""Skills: what an agent can look up when it needs it, listed by name and summary until then.

A skill is a folder with a `SKILL.md`, or tools that come together; both are loaded by
`load_skill`, which is recorded, so that a run taken up still has what it had.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from quarterdeck_kernel import canonical
from quarterdeck_kernel.errors import InvalidError, NotFoundError
from quarterdeck_kernel.vocabulary.limits import SKILL_CHARS

FILE = "SKILL.md"
_FENCE = "---"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """What is listed (`name`, `summary`), what is read, and the tools that come with it."""

    name: str
    summary: str
    text: str = ""
    tools: tuple[str, ...] = ()

    def digest(self) -> str:
        """Return the hash of what is loaded."""
        return canonical.digest([self.name, self.summary, self.text, list(self.tools)])


class Shelf:
    """The skills there are, by name."""

    def __init__(self, skills: Iterable[Skill] = ()) -> None:
        self._skills: dict[str, Skill] = {}
        for skill in skills:
            self.add(skill)

    def add(self, skill: Skill) -> None:
        """Register a skill; the same one twice is fine, two of one name are not."""
        there = self._skills.setdefault(skill.name, skill)
        if there != skill:
            raise InvalidError(f"there is another skill named {skill.name!r}; rename one of them")

    def get(self, name: str) -> Skill:
        """Return a skill, or say which there are."""
        if name in self._skills:
            return self._skills[name]
        listed = ", ".join(sorted(self._skills)) or "none"
        raise NotFoundError(f"there is no skill {name[:80]!r} (there are: {listed})")

    def has(self, name: str) -> bool:
        """Tell whether there is one of that name."""
        return name in self._skills


def skill_from(folder: Path) -> Skill:
    """Read a skill folder. The head of its file may name it, sum it up and list its tools."""
    file = folder / FILE
    try:
        # One byte more than is taken: a longer file is noticed without being read.
        with file.open(encoding="utf-8") as opened:
            text = opened.read(SKILL_CHARS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"the skill in {str(folder)!r} cannot be read: {error}") from error
    if len(text) > SKILL_CHARS:
        raise InvalidError(
            f"the skill in {str(folder)!r} is longer than {SKILL_CHARS:,} characters; shorten it"
        )
    head, body = _parted(text)
    summary = head.get("description") or next(
        (line.strip("# ").strip() for line in body.splitlines() if line.strip("# ").strip()), ""
    )
    tools = [name.strip() for name in head.get("tools", "").strip("[]").split(",")]
    return Skill(
        name=head.get("name") or folder.name,
        summary=summary,
        text=body.strip(),
        tools=tuple(name for name in tools if name),
    )


def _parted(text: str) -> tuple[dict[str, str], str]:
    """Return what stands between the fences at the top, and the rest."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != _FENCE:
        return {}, text
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == _FENCE), None)
    if end is None:
        return {}, text
    pairs = [line.partition(":") for line in lines[1:end]]
    head = {key.strip(): value.strip().strip("\"'") for key, colon, value in pairs if colon and key}
    return head, "\n".join(lines[end + 1 :])
