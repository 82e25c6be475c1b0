"""The child process: drives the crew, or the payments, until done or until its parent is gone.

Run as `python -m quarterdeck.demo.crew FOLDER (crew|payments) PAUSE_S [SILENT_INVOICE]`. It ends
with 1 and one sentence on standard error when it cannot go on; the stage passes that on.
"""

import asyncio
import sys
from pathlib import Path

from quarterdeck.demo.cast import CREW, PAYMENTS_PART
from quarterdeck.demo.driver import drive
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.troubles import sentence
from quarterdeck_kernel import EventStore
from quarterdeck_kernel.vocabulary.limits import LEASE_TTL_US

_RENEWALS_A_LEASE = 3


async def _keep_leases(store: EventStore) -> None:
    while True:
        await asyncio.sleep(LEASE_TTL_US / 1_000_000 / _RENEWALS_A_LEASE)
        await store.renew()


async def _parent_gone() -> None:
    """Return when the parent closes our standard input, or dies."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def _play(workspace: Workspace, role: str, pause_s: float, silent_on: str | None) -> None:
    parts = CREW if role == "crew" else (PAYMENTS_PART,)
    store = await workspace.open()
    keeping = asyncio.create_task(_keep_leases(store))
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(
                    drive(part, store, workspace.files, pause_s=pause_s, silent_on=silent_on)
                )
    finally:
        keeping.cancel()
        await store.close()


async def main(arguments: list[str]) -> None:
    """Play until done; stop early, in good order, when the parent is gone."""
    folder, role, pause_s, *silent = arguments
    workspace = Workspace(Path(folder))
    play = asyncio.create_task(
        _play(workspace, role, float(pause_s), silent[0] if silent else None)
    )
    gone = asyncio.create_task(_parent_gone())
    await asyncio.wait([play, gone], return_when=asyncio.FIRST_COMPLETED)
    if not play.done():
        play.cancel()
    gone.cancel()
    await asyncio.wait([play])
    if not play.cancelled():
        play.result()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:]))
    except Exception as error:  # noqa: BLE001 - whatever it was, the stage tells it to a person
        sys.exit(sentence(error))
