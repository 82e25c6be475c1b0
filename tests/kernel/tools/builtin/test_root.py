"""The root: no name leads out of it, to a link, a device, or what is private."""

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel.errors import InvalidError, PermanentToolError
from quarterdeck_kernel.tools.builtin.change_files import change_files_tools
from quarterdeck_kernel.tools.builtin.list_files import list_files_tool
from quarterdeck_kernel.tools.builtin.read_file import read_file_tool
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.search_files import search_files_tool
from tests.kernel.tools.builtin.hands import call, refusal, tree


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A root with something of everything in it, beside files that are nobody's business."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    files = tmp_path / "files"
    (files / "sub").mkdir(parents=True)
    (files / "plain").write_text("plain")
    (files / "link").symlink_to("plain")
    (files / "out").symlink_to(outside)
    (files / "loop").symlink_to("loop")
    os.mkfifo(files / "pipe")
    return files


REFUSED = [
    ("../outside/secret", "leads upwards"),
    ("sub/../../outside/secret", "leads upwards"),
    ("/etc/passwd", "absolute"),
    ("out/secret", "symbolic link"),
    ("link", "symbolic link"),
    ("loop", "symbolic link"),
    ("pipe", "pipe"),
    ("sub", "folder"),
    ("plain/x", "not a folder"),
    ("a\0b", "NUL"),
    ("", "folder"),
    (".", "folder"),
    (".quarterdeck-x.tmp", "not for tools"),
]


@pytest.mark.parametrize(("path", "said"), [*REFUSED, ("nothing", "there is no"), ("x" * 300, "")])
async def test_what_is_no_file_of_the_root_is_not_read(place: Path, path: str, said: str) -> None:
    assert said in await refusal(read_file_tool(Root(place)), path=path)


@pytest.mark.parametrize(("path", "said"), REFUSED)
async def test_nor_is_it_written_edited_or_deleted(place: Path, path: str, said: str) -> None:
    write, edit, delete = change_files_tools(Root(place))
    before = tree(place.parent)
    assert said in await refusal(write, path=path, text="x")
    assert said in await refusal(edit, path=path, edits=[{"old": "s", "new": "x"}])
    assert said in await refusal(delete, path=path)
    assert tree(place.parent) == before


async def test_a_link_is_shown_but_not_followed(place: Path) -> None:
    listing = await call(list_files_tool(Root(place)), recursive=True)
    kinds = {entry["path"]: entry["kind"] for entry in listing["entries"]}
    assert kinds == {
        "link": "link", "loop": "link", "out": "link", "pipe": "pipe", "plain": "file",
        "sub": "folder",
    }  # fmt: skip
    found = await call(search_files_tool(Root(place)), pattern="secret|plain")
    assert [match["path"] for match in found["matches"]] == ["plain"]


async def test_a_socket_and_a_device_are_left_alone(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place / "sock"))
        assert "socket" in await refusal(read_file_tool(Root(place)), path="sock")
    if os.geteuid() == 0:
        os.mknod(place / "null", 0o20600, os.makedev(1, 3))
        assert "device" in await refusal(read_file_tool(Root(place)), path="null")


async def test_a_folder_that_becomes_a_link_while_it_is_used_leads_nowhere(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at a name and its use somebody swaps it for a link."""
    (place / "sub" / "secret").write_text("inside")
    real_open = os.open

    def swapping(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "sub" and not (place / "sub").is_symlink():
            (place / "sub").rename(place / "moved")
            (place / "sub").symlink_to(place.parent / "outside")
        return real_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swapping)
    assert "symbolic link" in await refusal(read_file_tool(Root(place)), path="sub/secret")


async def test_a_file_that_becomes_a_link_while_it_is_used_is_not_followed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = os.open

    def swapping(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "plain":
            (place / "plain").unlink()
            (place / "plain").symlink_to(place.parent / "outside" / "secret")
        return real_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swapping)
    assert "symbolic link" in await refusal(read_file_tool(Root(place)), path="plain")


async def test_a_root_that_follows_links_would_be_caught(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: without O_NOFOLLOW the folder's link leads out."""
    monkeypatch.setattr("quarterdeck_kernel.tools.builtin.root._FOLDER", os.O_DIRECTORY)
    assert (await call(read_file_tool(Root(place)), path="out/secret"))["text"] == "secret"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "files").mkdir(parents=True)
    (folder / "quarterdeck.db").write_text("events")
    return folder


async def test_the_workspace_itself_is_never_reached(workspace: Path) -> None:
    root = Root(workspace.parent, private=[workspace])
    assert "private" in await refusal(read_file_tool(root), path="workspace/quarterdeck.db")
    assert "private" in await refusal(list_files_tool(root), folder="workspace")
    listing = await call(list_files_tool(root), recursive=True)
    assert listing["not_entered"] == ["workspace"]
    os.link(workspace / "quarterdeck.db", workspace / "files" / "innocent")
    root = Root(workspace / "files", private=[workspace])
    assert "private" in await refusal(read_file_tool(root), path="innocent")
    write, *_ = change_files_tools(root)
    assert "private" in await refusal(write, path="innocent", text="x")
    (workspace / "files" / "ours").write_text("ours")
    assert (await call(read_file_tool(root), path="ours"))["text"] == "ours"


def test_a_private_folder_is_no_root(workspace: Path) -> None:
    (workspace / "locks").mkdir()
    for folder in (workspace, workspace / "locks"):
        with pytest.raises(InvalidError, match="private"):
            Root(folder, private=[workspace])
    with pytest.raises(InvalidError, match="cannot be used"):
        Root(workspace / "none")
    with pytest.raises(InvalidError, match="no folder"):
        Root(workspace / "quarterdeck.db")


NAMES = st.text(st.sampled_from("ab./\\~\0é \n*?[$\u202e"), max_size=24)
TRICKS = st.lists(
    st.sampled_from(["..", ".", "", "out", "link", "loop", "sub", "plain", "secret", "//", "~"]),
    max_size=6,
).map("/".join)


@given(path=NAMES | TRICKS)
def test_no_path_leads_out(path: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp() / "fuzz"
    files = base / "files"
    if not base.exists():
        (files / "sub").mkdir(parents=True)
        (base / "secret").write_text("secret")
        (files / "plain").write_text("plain")
        (files / "out").symlink_to(base)
        (files / "link").symlink_to(base / "secret")
        (files / "loop").symlink_to("loop")
    root = Root(files)
    with suppress(PermanentToolError), root.file(path) as found:
        assert os.read(found.fd, 9) == b"plain"
