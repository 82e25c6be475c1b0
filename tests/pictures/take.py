"""`make pictures`: takes the README's pictures from the demo, and writes the list of keys.

The pictures go to `app/pictures`, and what shows them between two marks of the README. The keys,
which are made of the table of actions, stand there as one table, and between two marks of the app's
README as lists with all that is to be said of each.
"""

import asyncio
import re
import tempfile
from collections.abc import Callable
from datetime import UTC
from html import escape, unescape
from pathlib import Path
from typing import NamedTuple

from textual.pilot import Pilot

from quarterdeck.app import QuarterdeckApp
from quarterdeck.cli import main
from quarterdeck.kernel_link.driving import Driving
from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.keymap import keys_markdown, keys_table
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.deck import Setup
from tests.pictures.office import FastClock, open_office

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "app" / "pictures"
README = ROOT / "README.md"
KEYS = ROOT / "app" / "README.md"
_PATIENCE_S = 20.0
_LOOK_S = 0.1
_STILL = 3
"""So often the screen is looked at and found the same before it is taken."""


class Picture(NamedTuple):
    """What is shown, and the keys that lead there; `says` is what must be seen on it."""

    name: str
    what: str
    keys: tuple[str, ...]
    says: str
    size: tuple[int, int] = (120, 36)
    theme: str = "night"


PICTURES = (
    Picture("fleet", "The fleet: who needs somebody most stands first, and says for what", (),
            "verdict on pay", size=(120, 40)),
    Picture("approval", "An approval: locked until every line of what will run was shown", ("w",),
            "approve is locked"),
    Picture("past", "A run in its past: every panel is of the moment under the cursor",
            ("enter", "g", "4", "1", "enter"), "PAST #41"),
    Picture("ledger", "The ledger: who has spent what, and how much of which budget is used",
            ("3", "a"), "TOKENS IN"),
)  # fmt: skip


def pictures_markdown() -> str:
    """Return what shows the pictures in the README."""
    shown = [f"![{each.what}](app/pictures/{each.name}.svg)\n\n*{each.what}.*" for each in PICTURES]
    return "\n\n".join(shown) + "\n"


def keys_text() -> str:
    """Return the list of keys, with the command lines that there are."""
    return keys_markdown(commands=main.commands)


def keys_overview() -> str:
    """Return the keys alone, as one table."""
    return keys_table()


def between(text: str, mark: str, made: str | None = None) -> str:
    """Return what stands between two marks; or the whole text with something else there."""
    found = re.search(f"(?<=<!-- {mark} -->\n\n).*?(?=\n<!-- end of {mark} -->)", text, re.DOTALL)
    if found is None:
        raise ValueError(f"there are no marks <!-- {mark} --> and <!-- end of {mark} -->")
    return found[0] if made is None else text[: found.start()] + made + text[found.end() :]


def write_lists() -> None:
    """Write what is made between the marks."""
    for path, mark, made in (
        (README, "pictures", pictures_markdown()),
        (README, "keys", keys_overview()),
        (KEYS, "keys", keys_text()),
    ):
        path.write_text(between(path.read_text("utf-8"), mark, made), encoding="utf-8")


def slim(svg: str) -> str:
    """Return a picture that asks no host for a font: it takes what whoever looks has.

    Whatever that is, columns stay columns: each word stands at a place of its own.
    """
    svg = re.sub(r"<!-- .*? -->\s*", "", svg)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", "font-family: Menlo, Consolas, monospace;", svg)
    return _TEXT.sub(_parted, svg)


_TEXT = re.compile(r'<text ([^>]*)x="([\d.]+)"([^>]*)textLength="([\d.]+)"(.*?)>(.*?)</text>')


def _parted(found: re.Match[str]) -> str:
    before, x, between, length, after, text = found.groups()
    cells = unescape(text)
    width = float(length) / len(cells)
    return "".join(
        f'<text {before}x="{float(x) + word.start() * width:.1f}"{between}'
        f'textLength="{len(word[0]) * width:.1f}"{after}>{escape(word[0])}</text>'
        for word in re.finditer("[^\xa0 ]+(?:[\xa0 ][^\xa0 ]+)*", cells)
    )


def said_on(svg: str) -> str:
    """Return the words of a picture."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", svg)).split())


async def take(picture: Picture, workspace: Workspace, clock: FastClock) -> str:
    """Open the app upon a workspace, go where the picture is, and wait until it stands still."""
    driving = Driving(workspace, drives=False, clock=clock)
    link = KernelLink(workspace, clock=clock, driving=driving)
    setup = Setup(preferences=Preferences(theme=picture.theme, hints=False), operator="ada")
    app = QuarterdeckApp(link, clerk=link, background=(link.run,), zone=UTC, setup=setup)
    app.animation_level = "none"
    async with app.run_test(size=picture.size) as pilot, asyncio.timeout(_PATIENCE_S):
        await _still(pilot, lambda said: "verdict on pay" in said)
        for key in picture.keys:
            await pilot.press(key)
            await _still(pilot)
        return await _still(pilot, lambda said: picture.says in said)


async def _still(pilot: Pilot[None], there: Callable[[str], bool] = bool) -> str:
    """Return the screen once it shows something, and nothing moves on it."""
    seen: list[str] = []
    while len(seen) < _STILL:
        await asyncio.sleep(_LOOK_S)
        await pilot.pause()
        svg = pilot.app.export_screenshot(title="Quarterdeck")
        if not there(said_on(svg)) or "reading…" in said_on(svg):
            seen = []
        elif seen and seen[-1] != svg:
            seen = [svg]
        else:
            seen.append(svg)
    return seen[-1]


async def take_all(folder: Path) -> None:
    """Play the demo, and take all pictures of it."""
    folder.mkdir(exist_ok=True)
    clock = FastClock()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-pictures-") as name:
        async with open_office(Path(name), clock) as workspace:
            clock.stop()
            for picture in PICTURES:
                svg = slim(await take(picture, workspace, clock))
                (folder / f"{picture.name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    write_lists()
    asyncio.run(take_all(FOLDER))
