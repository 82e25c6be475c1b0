"""The settings of a workspace, where there are any.

Apart from the settings themselves, because a kernel without a file is not to wait for their models.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck_kernel.kernel.opening import MEMORY

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.loading import Loaded
    from quarterdeck_kernel.settings.settings import Settings


def settings_of(workspace: Path | str) -> "Settings | None":
    """Return what the files of a workspace and its user say; None if there are none."""
    found = loaded_of(workspace)
    return found.settings if found is not None else None


def loaded_of(workspace: Path | str) -> "Loaded | None":
    """Return that, and where each key of it stands."""
    from quarterdeck_kernel.settings.files import settings_files  # noqa: PLC0415 - see above

    folder = None if workspace == MEMORY else Path(workspace)
    if not any(file.exists() for file in settings_files(folder)):
        return None
    from quarterdeck_kernel.settings.loading import load_settings  # noqa: PLC0415

    return load_settings(folder)
