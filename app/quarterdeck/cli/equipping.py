"""What a workspace has, for commands that only look."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.cli.ending import one_sentence

if TYPE_CHECKING:
    from quarterdeck_kernel.kernel.equipped import Equipment


def equipment_of(workspace: Path) -> "Equipment":
    """Return agents, tools and plugins of a workspace; its servers were asked, and let go again."""
    with one_sentence():
        return asyncio.run(asked(workspace))


async def asked(workspace: Path) -> "Equipment":
    """Do that; what is wrong with the settings is raised."""
    from quarterdeck_kernel.kernel.equipped import Equipment

    equipment = await Equipment(workspace, looking=True).start()
    await equipment.close()
    return equipment
