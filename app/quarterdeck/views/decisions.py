"""What a person decides, as a value; who takes it; and which items may be decided together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from pydantic import JsonValue

from quarterdeck.views.matter import Matter

Verb = Literal[
    "approved", "granted", "edited", "rejected", "rejected_stop", "answered",
    "probe", "done", "failed", "retry",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision about one item. `digest` is what was looked at."""

    run_id: str
    item_id: str
    verb: Verb
    digest: str | None = None
    answer: JsonValue = None
    reason: str | None = None


class Clerk(Protocol):
    """Takes decisions to the kernel, whoever drives the run."""

    def matter(self, run_id: str, item_id: str) -> Matter | None:
        """Return an item whole; None: it is being read, ask again at the next revision."""
        ...

    async def decide(self, decision: Decision) -> str:
        """Put a decision on record; return in a sentence what stands there now.

        Raises a `QuarterdeckError` that says why it was not taken: then nothing is on record.
        """
        ...


class Judged(NamedTuple):
    """An item of a batch, and why it cannot be in one."""

    name: tuple[str, str]
    title: str
    matter: Matter | None
    problem: str | None


def why_not_together(
    matters: Mapping[tuple[str, str], Matter | None],
    titles: Mapping[tuple[str, str], str],
    read: Iterable[tuple[str, str]],
) -> list[Judged]:
    """Return the items of a batch, each with what keeps it from being approved with the others."""
    tools = [matter.tool for matter in matters.values() if matter is not None]
    seen = set(read)
    return [
        Judged(name, titles[name], matter, _problem(matter, tools[0], read=name in seen))
        if matter is not None
        else Judged(name, titles[name], None, "it is still being read")
        for name, matter in matters.items()
    ]


def _problem(matter: Matter, tool: str | None, *, read: bool) -> str | None:
    if matter.settled is not None:
        return "it is settled already"
    if matter.kind == "unknown":
        return "unknown outcomes are settled one by one"
    if matter.kind != "call":
        return "a question is answered by itself"
    if matter.needs_two:
        return "it needs two people, each of whom looks at it alone"
    if matter.tool != tool:
        return f"another tool than {tool}"
    asked = matter.asked
    if asked is None or asked.risk not in {"low", "medium"}:
        return f"risk {asked.risk if asked is not None else None}: only low and medium"
    return None if read else "its preview was not read"
