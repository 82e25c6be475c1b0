"""Many seeds over all cores, with a word now and then on how far it is."""

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator

from tests.simulation.engine.history import Ended, play

_WORD_EVERY_S = 20.0


def violations(seeds: range) -> Iterator[Ended]:
    """Play all seeds; yield those that break an invariant, as they come."""
    began_s = said_s = time.monotonic()
    # Spawned: a fork would share what the test process has open.
    context = multiprocessing.get_context("spawn")
    with context.Pool(os.cpu_count(), maxtasksperchild=2_000) as pool:
        found = 0
        for number, ended in enumerate(pool.imap_unordered(play, seeds, chunksize=20), 1):
            if ended.violation is not None:
                found += 1
                yield ended
            if time.monotonic() - said_s > _WORD_EVERY_S:
                said_s = time.monotonic()
                pace = number / (said_s - began_s)
                sys.__stderr__.write(  # type: ignore[union-attr]
                    f"{number:,} of {len(seeds):,} histories, {pace:.0f} a second, {found} bad\n"
                )
