"""Deciding about the runs of a workspace without driving any: what a second terminal does."""

from pathlib import Path

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.kernel.configured import settings_of
from quarterdeck_kernel.kernel.decisions import Decisions
from quarterdeck_kernel.kernel.guarding import personal_data_of
from quarterdeck_kernel.kernel.opening import open_store


async def open_decisions(workspace: Path | str, *, clock: Clock | None = None) -> Decisions:
    """Open a workspace that exists. What people write is looked through as its settings say.

    Whoever opened it closes its `store`.
    """
    policy = personal_data_of(settings_of(workspace), {})
    store = await open_store(workspace, clock=clock, create=False)
    return Decisions(store, clock=clock, personal_data=policy)
