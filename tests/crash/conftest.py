"""What several files of the crash suite measure by."""

import pytest

from tests.crash.cases import Sound, Sounds


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sound]:
    """Every scenario as it goes when nothing dies; played when first asked for."""
    return Sounds(tmp_path_factory.mktemp("sound"))
