"""Which kernel this is: every run records by which one it was taken up."""

from functools import cache
from importlib.metadata import version


@cache
def kernel_version() -> str:
    """Return it; looking it up takes as long as several steps."""
    return version("quarterdeck")
