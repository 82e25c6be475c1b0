"""Where settings files stand: the user's first, then the workspace's."""

import os
from pathlib import Path
from typing import Final

from platformdirs import user_config_path

FILE_NAME: Final = "quarterdeck.toml"


def user_folder() -> Path:
    """Return the user's configuration folder."""
    return user_config_path("quarterdeck", appauthor=False)


def settings_files(workspace: Path | None, *, user: Path | None = None) -> list[Path]:
    """Return where settings are looked for. None as a workspace is one without a folder.

    `user` is the user's configuration folder, if it is not the system's.
    """
    folders = [user or user_folder()]
    if workspace is not None and os.path.realpath(workspace) != os.path.realpath(folders[0]):
        folders.append(workspace)
    return [folder / FILE_NAME for folder in folders]
