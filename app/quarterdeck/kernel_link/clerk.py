"""Takes decisions to the kernel, and reads what is decided about.

Owned by the link, and the only part of the app that holds a kernel's facade.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from quarterdeck.kernel_link.matters import read_matter
from quarterdeck.views.decisions import Decision
from quarterdeck.views.matter import Matter
from quarterdeck_kernel import Actor, Decisions, EventStore, Kernel, operator
from quarterdeck_kernel.errors import InvalidError, UnknownToolError
from quarterdeck_kernel.projections.fold_people import person_of
from quarterdeck_kernel.runs.reconcile import Verdict, reconcile
from quarterdeck_kernel.runs.resolve import Decision as Answer

Facade = Callable[[EventStore], Decisions]
"""Makes what decides upon a store: a kernel with its tools, where probes are to be asked here."""

_KEPT = 64
_WATCHED = 2

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    head_seq: int
    matter: Matter | None


class Desk:
    """Decides upon one store."""

    def __init__(self, store: EventStore, facade: Facade | None, actor: Actor | None) -> None:
        """Decide as a person: by default whoever runs this process."""
        self._store = store
        self._decisions = (facade or Decisions)(store)
        self._actor = actor or operator()
        self._kept: OrderedDict[Name, _Kept] = OrderedDict()

    @property
    def decisions(self) -> Decisions:
        """Return what decides here."""
        return self._decisions

    def matter(self, name: Name) -> Matter | None:
        """Return an item as it was read last."""
        kept = self._kept.get(name)
        if kept is None:
            return None
        self._kept.move_to_end(name)
        return kept.matter

    async def read(self, name: Name) -> None:
        """Read an item anew, if anything has happened in its run or to its driver."""
        run_id, item_id = name
        head_seq = (await self._store.run(run_id)).head.seq
        kept = self._kept.get(name)
        known = kept.matter if kept is not None else None
        if kept is not None and kept.head_seq == head_seq:
            lease = await self._store.lease(run_id)
            matter = replace(known, lease=lease) if known is not None else None
        else:
            matter = await read_matter(self._store, run_id, item_id, known)
            if matter is not None:
                matter = replace(
                    matter, can_probe=self._can_probe(matter), me=person_of(self._actor)
                )
        self._kept[name] = _Kept(head_seq, matter)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    async def look_again(self) -> bool:
        """Read what is on the screen anew; tell whether anything is new."""
        watched = list(self._kept)[-_WATCHED:]
        before = [self._kept[name] for name in watched]
        for name in watched:
            await self.read(name)
        return before != [self._kept.get(name) for name in watched]

    async def close(self) -> None:
        """Close what decides, and the store with it."""
        if isinstance(self._decisions, Kernel):
            await self._decisions.close()
        else:
            await self._store.close()

    def _can_probe(self, matter: Matter) -> bool:
        """Tell whether the tool's own code is here to be asked."""
        if not isinstance(self._decisions, Kernel) or matter.intent is None:
            return False
        try:
            return self._decisions.tools.get(matter.intent.tool).has_probe
        except UnknownToolError:
            return False

    async def decide(self, decision: Decision) -> str:
        """Put a decision on record; return what stands there now."""
        match decision.verb:
            case "probe":
                return await self._probe(decision)
            case "done" | "failed" | "retry" as verdict:
                return await self._settle(verdict, decision)
            case verb:
                return await self._answer(verb, decision)

    async def _answer(self, verb: Answer, decision: Decision) -> str:
        event = await self._decisions.resume(
            decision.run_id,
            decision.item_id,
            decision=verb,
            answer=decision.answer,
            reason=decision.reason,
            digest=decision.digest,
            actor=self._actor,
        )
        words = "granted until the run ends" if verb == "granted" else verb.replace("_", ", run ")
        closed = getattr(event.payload, "closes", True)
        more = "" if closed else "; another person is needed"
        return f"{words} (#{event.seq}){more}"

    async def _settle(self, verdict: Verdict, decision: Decision) -> str:
        event = await reconcile(
            await self._decisions.journal(decision.run_id),
            _intent_seq(decision),
            verdict=verdict,
            result=None,
            reason=decision.reason,
            actor=self._actor,
        )
        word = "to be tried again" if verdict == "retry" else verdict
        return f"settled: {word} (#{event.seq})"

    async def _probe(self, decision: Decision) -> str:
        kernel = self._decisions
        if not isinstance(kernel, Kernel):
            raise InvalidError("this process knows no tools, so it can ask no probe")
        run_id = decision.run_id
        driven = (await self._store.lease(run_id)).live
        run = await kernel.load_run(run_id, tenant=(await self._store.run(run_id)).tenant)
        step_key = (await read_step_key(self._store, decision)) or ""
        try:
            known = await kernel.reconcile_tool(run=run, step_key=step_key)
        finally:
            if not driven:
                # Asked in passing: whoever drives runs, here or elsewhere, takes it up again.
                await kernel.let_go(run)
        if not known.settled:
            return f"the probe settles nothing: {known.reason or 'it cannot tell'}"
        return f"the probe says {known.outcome} (#{known.seq})"


def _intent_seq(decision: Decision) -> int:
    return int(decision.item_id.rpartition(":")[2])


async def read_step_key(store: EventStore, decision: Decision) -> str | None:
    """Return the step that an unknown outcome is of."""
    matter = await read_matter(store, decision.run_id, decision.item_id)
    return matter.unknown.step_key if matter is not None and matter.unknown is not None else None
