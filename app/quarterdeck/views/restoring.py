"""Putting a file back, in words: what it holds, what it held, and what is lost by it."""

from quarterdeck.views.past import Restoration
from quarterdeck.views.plain import plain


def restoration_text(found: Restoration, seq: int) -> str:
    """Return what restoring a file as it was behind an event would do."""
    lines = [f"{plain(found.path)}: {_held(found.now)} now, {_held(found.then)} at #{seq:,}."]
    if found.changed:
        lines.append(f"It was changed outside of this run, since #{found.seq:,}.")
    lines.append("What it holds now is kept, and can be put back in turn.")
    if found.diff:
        lines += ["", *found.diff.rstrip("\n").split("\n")]
    elif found.why:
        lines.append(f"No difference is shown: {plain(found.why)}.")
    return "\n".join(lines)


def _held(size: int | None) -> str:
    return "no file" if size is None else f"{size:,} bytes"
