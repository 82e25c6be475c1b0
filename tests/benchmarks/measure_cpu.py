"""The CPU of an append's Python part: what the journal does, over a store that does nothing.

Validating the payload, asking for legality, folding, making rows, encoding and hashing; a
snapshot every 256 events is in it. What the real store adds shows in `measure_group`.
"""

import hashlib
import json
from time import thread_time
from typing import Any, cast

from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.batch import Batch
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.snapshot import Snapshot
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target, paired
from tests.benchmarks.tool_step import ToolStep, driven

SIZES_KB = (1.0, 4.0, 15.5)
"""The last is about as large as a payload may be that is not kept as a blob."""

_STEPS = 100
_BASE_US, _PER_KB_US = 60.0, 4.0
_FLOOR = "CPU of pydantic's validation, json.dumps and sha256 of the same payloads"


class NoStore:
    """Takes everything and keeps nothing."""

    async def append(self, batch: Batch) -> None:
        """Take a batch."""

    async def put_snapshot(self, snapshot: Snapshot) -> None:
        """Take a snapshot."""

    async def read(self, _run_id: str, **_options: object) -> list[Record]:
        """Return that nobody else wrote anything."""
        return []

    async def claim(self, run_id: str) -> Lease:
        """Let everyone drive."""
        return Lease(run_id=run_id, epoch=1, holder="bench", deadline_us=0)


async def measure(bench: Bench) -> list[Figure]:
    """Take turns for each size: steps through the journal, then their payloads bare."""
    figures = []
    for size_kb in SIZES_KB:
        journal = await driven(cast("EventStore", NoStore()), "bench")
        step = ToolStep(int(size_kb * 1_024))
        plain: list[tuple[type[Payload], dict[str, Any]]] = [
            (type(payload), payload.model_dump()) for payload in (step.intent(), step.outcome(1))
        ]
        ours, floors = [], []
        for _ in range(bench.sizes.cpu_rounds):
            start = thread_time()
            for _ in range(_STEPS):
                await step.through(journal)
            ours.append((thread_time() - start) * 1e6 / (2 * _STEPS))
            start = thread_time()
            for _ in range(_STEPS):
                for cls, values in plain:
                    cls.model_validate(values)
                    hashlib.sha256(json.dumps(values).encode()).digest()
            floors.append((thread_time() - start) * 1e6 / (2 * _STEPS))
        bound = _BASE_US + _PER_KB_US * (size_kb - SIZES_KB[0])
        figures.append(
            paired(
                f"CPU of an append, no store, {size_kb:g} KB",
                ours,
                floors,
                _FLOOR,
                target=Target(bound=bound, on="measured"),
            )
        )
    return figures
