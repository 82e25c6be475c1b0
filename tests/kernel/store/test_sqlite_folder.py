"""The folder and the file: missing, unwritable, open to others, on a network, too new."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from quarterdeck_kernel import errors
from quarterdeck_kernel.events.envelope import Draft, Stamp, Unreadable, open_record, seal
from quarterdeck_kernel.store.batch import Batch, Driver
from quarterdeck_kernel.store.sqlite import folder as folder_module
from quarterdeck_kernel.store.sqlite.folder import file_system_of, prepare
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.logs import work
from quarterdeck_kernel.vocabulary.actor import AGENT
from tests.crash.processes import Child
from tests.kernel.store.sqlite_files import begun, driven, opened, put, raw

NOBODY = 65534


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def chmod(path: Path, mode: int) -> None:
    path.chmod(mode)


def names_in(path: Path) -> list[str]:
    return [entry.name for entry in path.iterdir()]


async def refused(
    path: Path, expected: type[errors.StoreError], advice: str, *, create: bool = True
) -> None:
    """Opening says what is wrong, where, and what to do."""
    with pytest.raises(expected, match=advice) as raised:
        await SqliteStore.open(path, create=create)
    assert type(raised.value) is expected
    assert any(str(place) in str(raised.value) for place in (path, path.parent))


# -- missing


async def test_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "quarterdeck.db"
    await refused(path, errors.StoreMissingError, "create it", create=False)
    assert not path.parent.parent.exists()
    async with opened(path) as store:
        await begun(store)
        for name in ("quarterdeck.db", "quarterdeck.db-wal", "quarterdeck.db-shm"):
            assert mode_of(path.with_name(name)) == 0o600, name
    assert mode_of(path.parent) == 0o700
    assert mode_of(path) == 0o600


async def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    await refused(path, errors.StoreMissingError, "name another workspace", create=False)
    assert not path.exists()


async def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    path.mkdir()
    await refused(path, errors.StoreUnwritableError, "name a file")


async def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "quarterdeck.db"
    await refused(path, errors.StoreUnwritableError, "name another")


# -- whose it is


@pytest.mark.parametrize("ours", [(), ("quarterdeck.db", "quarterdeck.toml", "files", "locks")])
async def test_our_own_folder_is_closed_to_others(tmp_path: Path, ours: tuple[str, ...]) -> None:
    for name in ours:
        (tmp_path / name).mkdir() if "." not in name else (tmp_path / name).touch()
    chmod(tmp_path, 0o755)
    async with opened(tmp_path / "quarterdeck.db"):
        assert mode_of(tmp_path) == 0o700


async def test_a_folder_with_a_life_of_its_own_is_left_alone(tmp_path: Path) -> None:
    """A home, or /tmp: closing it would lock others out."""
    (tmp_path / "diary.txt").touch()
    chmod(tmp_path, 0o750)
    path = tmp_path / "quarterdeck.db"
    await refused(path, errors.StoreUnwritableError, "chmod 700")
    assert mode_of(tmp_path) == 0o750
    assert names_in(tmp_path) == ["diary.txt"]
    chmod(tmp_path, 0o700)
    async with opened(path):
        pass


@pytest.fixture
def home_of_nobody() -> Iterator[Path]:
    """A folder that an ordinary user can come to, with a database in it."""
    with TemporaryDirectory(prefix="quarterdeck-", ignore_cleanup_errors=True) as name:
        yield Path(name)


async def open_as_nobody(path: Path, spoil: Callable[[Path], None], pipe: Connection) -> None:
    """Root may do everything, so the process becomes an ordinary user first."""
    async with opened(path) as store:
        await begun(store)
    spoil(path)
    if os.getuid() == 0:
        for entry in (path.parent, *path.parent.rglob("*")):
            os.chown(entry, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        await SqliteStore.open(path)
    except errors.StoreError as error:
        pipe.send((type(error), str(error)))
    finally:
        for entry in (path.parent, path.parent / "locks"):
            chmod(entry, 0o700)


@pytest.mark.parametrize(
    ("spoil", "advice"),
    [
        (lambda path: path.chmod(0o400), "give yourself write permission"),
        (lambda path: path.parent.chmod(0o500), "change its permissions"),
        (lambda path: (path.parent / "locks").chmod(0), "change its permissions"),
    ],
    ids=["file", "folder", "locks"],
)
def test_what_may_only_be_read(
    home_of_nobody: Path, spoil: Callable[[Path], None], advice: str
) -> None:
    work = partial(open_as_nobody, home_of_nobody / "quarterdeck.db", spoil)
    with Child(work) as child:
        kind, message = child.hear()
    assert kind is errors.StoreUnwritableError
    assert advice in message
    assert str(home_of_nobody) in message


# -- what it lies on

MOUNTS = """\
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / /mnt/share rw - nfs4 server:/export rw
31 22 0:41 / /mnt/share/local rw - xfs /dev/sdb1 rw
32 22 0:42 / /mnt/with\\040blank rw - cifs //server/x rw
33 22 0:43 / /mnt/Schäre rw - fuse.sshfs me@there:/ rw
34 22 0:44 / /mnt/twice rw - ext4 /dev/sdc1 rw
35 34 0:45 / /mnt/twice rw - nfs server:/y rw
36 22 0:46 / /mnt/back\\134slash rw master:2 propagate_from:1 - smb3 //server/z rw
not a line of a mount table
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/ada", "ext4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/a/b", "nfs4"),
        ("/mnt/shared", "ext4"),
        ("/mnt/share/local/x", "xfs"),
        ("/mnt/with blank/x", "cifs"),
        ("/mnt/Schäre/x", "fuse.sshfs"),
        ("/mnt/twice/x", "nfs"),
        ("/mnt/back\\slash/x", "smb3"),
    ],
)
def test_what_a_folder_lies_on(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


def test_no_mount_table_says_nothing() -> None:
    assert file_system_of(Path("/home"), "") is None


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
async def test_a_network_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"{MOUNTS}40 22 0:2 / {tmp_path}/far rw - {kind} x y\n", encoding="utf-8")
    monkeypatch.setattr(folder_module, "_MOUNTS", table)
    path = tmp_path / "far" / "quarterdeck.db"
    await refused(path, errors.StoreUnsupportedError, "local disk")
    assert not path.exists()
    (tmp_path / "near").mkdir(mode=0o700)
    prepare(tmp_path / "near", create=False)
    (tmp_path / "link").symlink_to(tmp_path / "far")
    with pytest.raises(errors.StoreUnsupportedError, match=kind):
        prepare(tmp_path / "link", create=False)


async def test_a_machine_without_a_mount_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "_MOUNTS", tmp_path / "nowhere")
    async with opened(tmp_path / "quarterdeck.db"):
        pass


# -- what wrote it


async def test_a_schema_of_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        await begun(store)
    with raw(path) as db:
        db.execute("PRAGMA user_version = 99")
    await refused(path, errors.StoreTooNewError, "update this installation")
    with raw(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)


async def test_an_event_of_a_newer_version(tmp_path: Path) -> None:
    """It is kept, read back and verified; only its meaning is beyond us."""
    async with opened(tmp_path / "quarterdeck.db") as store:
        log, lease = await driven(store)
        assert log.head is not None
        draft = Draft(
            work(), {"kind": "teleported", "to": "the moon"}, '{"how":"fast"}', b'{"how":"fast"}'
        )
        stamp = Stamp(
            run_id="run-1", tenant="acme", actor=AGENT, at_us=1, event_id="x", epoch=lease.epoch
        )
        record = seal(draft, stamp, seq=log.head.seq + 1, prev=log.head.hash)
        plain = log.drive(lease)
        batch = Batch(
            run_id="run-1",
            expected=log.head,
            authority=Driver(epoch=lease.epoch),
            records=(record,),
            rows=plain.rows,
        )
        await put(store, log, batch)
        stored = (await store.read("run-1"))[-1]
        assert stored == record
        event = open_record(stored)
        assert isinstance(event.payload, Unreadable)
        assert event.payload.kind == "teleported"
        assert (await store.verify()).ok


async def test_an_old_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(errors.StoreUnsupportedError, match="newer Python"):
        await SqliteStore.open(tmp_path / "quarterdeck.db")
    assert names_in(tmp_path) == []
