"""The pictures and lists that the READMEs show are those that `make pictures` makes."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from quarterdeck import keymap
from tests.pictures import take
from tests.pictures.take import FOLDER, KEYS, PICTURES, README, Picture

LARGEST_BYTES = 150_000
AGAIN = "something else is shown by now: take and list them anew with `make pictures`"


def words(svg: str) -> set[str]:
    """Return what is said on a picture, without what is of its day: numbers, times and hashes."""
    return {word for word in take.said_on(svg).split() if re.fullmatch(r"[^\W\d]{4,}", word)}


def lists_are_new() -> None:
    readme, keys = README.read_text(encoding="utf-8"), KEYS.read_text(encoding="utf-8")
    assert take.between(readme, "pictures") == take.pictures_markdown(), AGAIN
    assert take.between(readme, "keys") == take.keys_overview(), AGAIN
    assert take.between(keys, "keys") == take.keys_text(), AGAIN


def test_the_readmes_show_the_pictures_and_the_keys_that_there_are() -> None:
    lists_are_new()
    assert {path.stem for path in FOLDER.iterdir()} == {each.name for each in PICTURES}


@pytest.mark.parametrize("made", ["keys_markdown", "keys_table"])
def test_a_key_that_became_another_is_noticed(monkeypatch: pytest.MonkeyPatch, made: str) -> None:
    actions = keymap.rekeyed({"fleet.new": "N"})
    before = getattr(keymap, made)
    monkeypatch.setattr(take, made, lambda **_: before(actions))
    with pytest.raises(AssertionError, match="make pictures"):
        lists_are_new()


def test_marks_that_are_gone_are_named() -> None:
    with pytest.raises(ValueError, match="<!-- keys -->"):
        take.between("# Keys", "keys")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small_shows_what_it_is_for_and_asks_nobody_for_a_font(
    picture: Picture,
) -> None:
    svg = (FOLDER / f"{picture.name}.svg").read_text(encoding="utf-8")
    assert len(svg.encode()) < LARGEST_BYTES
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - our own
    assert picture.says in take.said_on(svg)
    assert set(re.findall(r"\w+://[^\"\s]+", svg)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.crash
async def test_taken_again_the_pictures_say_the_same(tmp_path: Path) -> None:
    await take.take_all(tmp_path)
    for picture in PICTURES:
        new = words((tmp_path / f"{picture.name}.svg").read_text(encoding="utf-8"))
        old = words((FOLDER / f"{picture.name}.svg").read_text(encoding="utf-8"))
        assert new ^ old == set(), (picture.name, AGAIN)
