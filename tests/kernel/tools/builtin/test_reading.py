"""Listing, reading and searching files."""

import codecs
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck_kernel.tools.builtin.bounds import FILE_BYTES, PAGE_CHARS
from quarterdeck_kernel.tools.builtin.glob import Glob
from quarterdeck_kernel.tools.builtin.list_files import list_files_tool
from quarterdeck_kernel.tools.builtin.read_file import read_file_tool
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.search_files import search_files_tool
from quarterdeck_kernel.tools.report import sha256_of
from tests.kernel.tools.builtin.hands import call, refusal, rooted


async def test_a_file_is_read_whole_with_its_hash(tmp_path: Path) -> None:
    tool = read_file_tool(rooted(tmp_path, a__txt="one\r\ntwo\n\nfour"))
    assert await call(tool, path="./a.txt") == {
        "path": "./a.txt",
        "first_line": 1,
        "last_line": 4,
        "text": "one\r\ntwo\n\nfour",
        "size": 14,
        "encoding": "utf-8",
        "sha256": sha256_of(b"one\r\ntwo\n\nfour"),
    }


@pytest.mark.parametrize("lines", [1, 2, 3, 5, 2000])
async def test_pages_in_a_row_are_the_file(tmp_path: Path, lines: int) -> None:
    text = "\n\nthree\n\nfive\nsix\n\n\n" + "ö" * (PAGE_CHARS + 7) + "\n\nlast"
    tool = read_file_tool(rooted(tmp_path, a__txt=text))
    pages: list[str] = []
    where: dict[str, int] | None = {"first_line": 1, "first_column": 1}
    while where:
        page = await call(tool, path="a.txt", lines=lines, **where)
        pages.append(page["text"])
        where = page.get("next")
        assert not where or page["total_lines"] == text.count("\n") + 1
    assert "".join(pages) == text
    assert max(map(len, pages)) <= PAGE_CHARS


async def test_a_page_behind_the_end_is_refused(tmp_path: Path) -> None:
    tool = read_file_tool(rooted(tmp_path, a="one\ntwo\n", empty=""))
    assert "has 2 lines" in await refusal(tool, path="a", first_line=4)
    assert "ends before the column" in await refusal(tool, path="a", first_line=1, first_column=9)
    empty = await call(tool, path="empty")
    assert (empty["text"], empty["last_line"]) == ("", 0)


async def test_a_huge_file_is_read_by_the_page_and_without_a_hash(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"first\n")
        file.truncate(FILE_BYTES * 4)
    tool = read_file_tool(Root(tmp_path))
    assert "binary" in await refusal(tool, path="huge")
    (tmp_path / "log").write_bytes(b"0123456789abcde\n" * (FILE_BYTES // 16 + 1))
    page = await call(tool, path="log", first_line=900_000, lines=2)
    assert (page["text"], page["sha256"], page["total_lines"]) == (
        "0123456789abcde\n" * 2,
        None,
        None,
    )
    assert page["next"] == {"first_line": 900_002, "first_column": 1}


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (codecs.BOM_UTF8 + "ä\n".encode(), "utf-8"),
        (codecs.BOM_UTF16_LE + "ä\n".encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + "ä\n".encode("utf-16-be"), "utf-16-be"),
        (codecs.BOM_UTF32_LE + "ä\n".encode("utf-32-le"), "utf-32-le"),
    ],
)
async def test_a_byte_order_mark_is_understood(
    tmp_path: Path, content: bytes, encoding: str
) -> None:
    (tmp_path / "a").write_bytes(content)
    page = await call(read_file_tool(Root(tmp_path)), path="a")
    assert (page["text"], page["encoding"]) == ("ä\n", encoding)


async def test_what_is_no_text_is_refused_and_another_encoding_helps(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes("größer".encode("cp1252"))
    (tmp_path / "late").write_bytes(b"x" * 9_000 + b"\xff")
    (tmp_path / "picture").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    tool = read_file_tool(Root(tmp_path))
    assert "not utf-8 text (byte 0xf6)" in await refusal(tool, path="old")
    assert (await call(tool, path="old", encoding="cp1252"))["text"] == "größer"
    assert "byte 0xff" in await refusal(tool, path="late")
    assert "binary" in await refusal(tool, path="picture")


async def test_a_listing_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    for name in ("b/2", "a", "b/1", "b.txt", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    tool = list_files_tool(Root(tmp_path))
    whole = [entry["path"] for entry in (await call(tool, recursive=True))["entries"]]
    assert whole == ["a", "b", "b/1", "b/2", "b.txt", "c"]
    seen: list[str] = []
    while True:
        page = await call(tool, recursive=True, limit=2, after=seen[-1] if seen else "")
        seen += [entry["path"] for entry in page["entries"]]
        if "cut" not in page:
            break
    assert seen == whole
    fitting = await call(tool, pattern="**/*.txt")
    assert [entry["path"] for entry in fitting["entries"]] == ["b.txt"]


async def test_folders_of_machines_are_entered_only_when_named(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref")
    tool = list_files_tool(Root(tmp_path))
    assert (await call(tool, recursive=True))["not_entered"] == [".git"]
    named = await call(tool, folder=".git")
    assert named["entries"] == [{"path": ".git/HEAD", "kind": "file", "size": 3}]


async def test_a_name_that_is_no_utf_8_is_listed_all_the_same(tmp_path: Path) -> None:
    (tmp_path.joinpath(b"\xff.txt".decode(errors="surrogateescape"))).write_text("x")
    listing = await call(list_files_tool(Root(tmp_path)))
    assert len(listing["entries"]) == 1


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.py", "a/b/c.py", True),
        ("*.py", "a.pyc", False),
        ("a/*.py", "a/b.py", True),
        ("a/*.py", "a/b/c.py", False),
        ("a/**/*.py", "a/c.py", True),
        ("a/**/*.py", "a/b/b/c.py", True),
        ("**/b/**", "a/b/c", True),
        ("**", "a/b", True),
        ("./a", "a", True),
        ("[ab].t?t", "b.txt", True),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:  # noqa: FBT001 - a table
    assert Glob(pattern).matches(tuple(path.split("/"))) is fits


def test_no_pattern_of_paths_takes_long() -> None:
    began = time.monotonic()
    assert not Glob("*a" * 400 + "b").matches(("a" * 200,) * 50)
    assert not Glob("**/" * 300 + "b").matches(("a",) * 200)
    assert time.monotonic() - began < 5


async def test_a_search_says_where(tmp_path: Path) -> None:
    root = rooted(tmp_path, a__py="def one():\n    return 1\n\ndef two(): pass", b__md="def\n")
    tool = search_files_tool(root)
    found = await call(tool, pattern=r"^def (\w+)", files="*.py")
    assert found == {
        "matches": [
            {"path": "a.py", "line": 1, "column": 1, "text": "def one():"},
            {"path": "a.py", "line": 4, "column": 1, "text": "def two(): pass"},
        ]
    }
    found = await call(tool, pattern="RETURN 1", ignore_case=True, folder="a.py")
    assert [match["line"] for match in found["matches"]] == [2]
    found = await call(tool, pattern="()", literal=True)
    assert [match["column"] for match in found["matches"]] == [8, 8]
    found = await call(tool, pattern="def", limit=2)
    assert (len(found["matches"]), found["cut"]) == (2, "there are more than 2 lines")
    found = await call(tool, pattern="^")
    assert len(found["matches"]) == 5
    assert "no regular expression" in await refusal(tool, pattern="(")


async def test_a_long_line_is_shown_round_its_match(tmp_path: Path) -> None:
    root = rooted(tmp_path, a="x" * 5_000 + "needle" + "y" * 5_000)
    (match,) = (await call(search_files_tool(root), pattern="needle"))["matches"]
    assert "needle" in match["text"]
    assert len(match["text"]) < 400
    assert match["column"] == 5_001


async def test_a_pattern_that_takes_for_ever_is_cut_off(tmp_path: Path) -> None:
    root = rooted(tmp_path, a="a" * 5_000 + "\n", b="b")
    began = time.monotonic()
    found = await call(search_files_tool(root, limit_s=0.3), pattern=r"(a|a?)+$x|(a+)+b")
    assert "took more than 0.3 s" in found["cut"]
    assert time.monotonic() - began < 10


async def test_binary_files_are_not_searched_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"needle\0")
    found = await call(search_files_tool(Root(tmp_path)), pattern="needle")
    assert (found["matches"], found["not_searched"]) == ([], ["a"])


@settings(max_examples=50)
@given(text=st.text(st.sampled_from("ab\n\r é"), max_size=60), needle=st.sampled_from("abé"))
async def test_a_search_finds_the_lines_that_hold_it(
    text: str, needle: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("search")
    (folder / "a").write_bytes(text.encode())
    found = await call(search_files_tool(Root(folder)), pattern=needle)
    lines = text.split("\n")
    expected = [(at, line) for at, line in enumerate(lines, 1) if needle in line]
    assert [(match["line"], match["text"]) for match in found["matches"]] == expected
