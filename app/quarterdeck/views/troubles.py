"""What went wrong, as one sentence for people."""

import traceback

from quarterdeck.views.plain import plain, plain_lines
from quarterdeck_kernel.errors import QuarterdeckError


def sentence(error: BaseException) -> str:
    """Return what an error says. Of several that came together the first speaks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case QuarterdeckError():
            return plain(str(error))
        case OSError(strerror=str(reason)):
            where = f"{plain(str(error.filename))}: " if error.filename is not None else ""
            return f"{where}{plain(reason)}"
        case _:
            return plain(f"{type(error).__name__}: {error}")


def details(error: BaseException) -> str:
    """Return what whoever mends it wants to know: all of it, as text."""
    return plain_lines("".join(traceback.format_exception(error)))
