"""The demo on the screen: the stage plays beside the app, slowly enough to be watched."""

import asyncio
from contextlib import aclosing, suppress

from quarterdeck.app import QuarterdeckApp
from quarterdeck.demo.ending import on_request
from quarterdeck.demo.stage import Act, Stage
from quarterdeck.kernel_link.driving import Driving
from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.widgets.deck import Setup

_TURN_S = 1.8
_WATCH_S: dict[Act, float] = {"sent": 2.0, "killed": 3.0}
"""How long a person may look at what has happened before the show goes on."""

_OUTAGE_S = 4.0
_PATIENCE_S = 60.0
_LOOK_S = 0.2


async def _unknown(link: KernelLink) -> None:
    """Wait until the payment is unknown on the screen, and its driver has asked the bank in vain.

    However slow the machine: were the bank back before, nobody would see anything of it.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            while all(item.kind != "unknown" for item in link.glimpse().inbox):  # noqa: ASYNC110 - the link tells nobody
                await asyncio.sleep(_LOOK_S)
    await asyncio.sleep(_OUTAGE_S)


async def play_on_screen(workspace: Workspace, setup: Setup) -> None:
    """Open the app upon a workspace in which the demo is played, until somebody quits."""
    stage = Stage(workspace, turn_s=_TURN_S)
    await stage.prepare()
    # So the bank can be asked from the screen, too; the runs have drivers of their own.
    driving = Driving(workspace, drives=False)
    link = KernelLink(workspace, driving=driving)

    async def play() -> None:
        async with aclosing(stage.scenes()) as scenes:
            async for scene in scenes:
                await asyncio.sleep(_WATCH_S.get(scene.act, 0.0))
                if scene.act == "taken_up" and not stage.to_cut:
                    await _unknown(link)
                    await stage.bank_is_back()

    try:
        app = QuarterdeckApp(link, clerk=link, background=(link.run, play), setup=setup)
        on_request(app.exit)
        await app.run_to_its_end()
    finally:
        await stage.close()
