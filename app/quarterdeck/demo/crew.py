"""The child process: starts the harbour's agents, or finds them, and drives them.

Run as `python -m quarterdeck.demo.crew FOLDER`. It is a worker like any other, but for two things:
it begins the runs, and it stops when its parent is gone. It ends with 1 and one sentence on
standard error when it cannot go on; the stage passes that on.
"""

import asyncio
import sys
from pathlib import Path

from quarterdeck.demo.cast import CAST, TENANT
from quarterdeck.views.troubles import sentence
from quarterdeck_kernel.kernel.equipped import Equipped

_GRACE_S = 1.0
"""So long runs may take to their next boundary; what is broken off then is told truly, too."""


async def _parent_gone() -> None:
    """Return when the parent closes our standard input, or dies."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def main(folder: Path) -> None:
    """Drive until the parent is gone."""
    async with await Equipped.of(folder) as kernel:
        for part in CAST:
            await kernel.start_agent(
                kernel.roster.get(part.agent),
                part.objective,
                tenant=TENANT,
                run_id=part.agent,
                idempotency_key=part.agent,
            )
        supervisor = kernel.supervisor()
        driving = asyncio.create_task(supervisor.run())
        gone = asyncio.create_task(_parent_gone())
        await asyncio.wait([driving, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        supervisor.drain()
        await asyncio.wait([driving], timeout=_GRACE_S)
        supervisor.stop()
        await driving


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except Exception as error:  # noqa: BLE001 - whatever it was, the stage tells it to a person
        sys.exit(sentence(error))
