"""What `quarterdeck doctor` looks at: each is good, a note, or bad, and says what to do."""

import asyncio
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from quarterdeck.cli.equipping import asked
from quarterdeck.cli.fields import CheckFields
from quarterdeck.cli.options import DATABASE
from quarterdeck.views.model_keys import present
from quarterdeck.views.plain import plain
from quarterdeck.views.troubles import sentence
from quarterdeck_kernel.errors import QuarterdeckError, SettingsError, StoreMissingError
from quarterdeck_kernel.kernel.opening import open_store
from quarterdeck_kernel.kernel.version import kernel_version
from quarterdeck_kernel.plugins.plugin import Plugin
from quarterdeck_kernel.settings.loading import load_settings
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.tools.mcp.health import Health

_PYTHON = (3, 11)
_SQLITE = (3, 37, 0)
_WAL_MENDED = (3, 51, 3)
_COLUMNS, _LINES = 60, 16
_FREE_BYTES = 1024**3
_MIB = 1024**2


def checks(workspace: Path) -> list[CheckFields]:
    """Return what there is to say of this machine and a workspace."""
    return [
        _python(),
        _sqlite(sqlite3.sqlite_version_info),
        _terminal(),
        _keys(),
        *_settings(workspace),
        *_equipment(workspace),
        _store(workspace),
        _disk(workspace),
    ]


def _check(name: str, level: str, detail: str) -> CheckFields:
    return CheckFields(name=name, level=level, detail=plain(detail))


def _python() -> CheckFields:
    version = platform.python_version()
    detail = f"{version}, {platform.system()} {platform.machine()}, Quarterdeck {kernel_version()}"
    return _check("python", "good" if sys.version_info >= _PYTHON else "bad", detail)


def _sqlite(version: tuple[int, ...]) -> CheckFields:
    spelled = ".".join(map(str, version))
    if version < _SQLITE:
        needed = ".".join(map(str, _SQLITE))
        return _check(
            "sqlite", "bad", f"{spelled}; {needed} or newer is needed: install a newer Python"
        )
    if version < _WAL_MENDED:
        return _check(
            "sqlite",
            "note",
            f"{spelled} has the WAL-reset bug (mended in 3.51.3): two connections that checkpoint "
            "at once may lose commits. Quarterdeck lets one process checkpoint at a time; let no "
            "other program write to the database",
        )
    return _check("sqlite", "good", f"{spelled}, without the WAL-reset bug")


def _terminal() -> CheckFields:
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _check("terminal", "note", f"none here, {encoding}: the screen would not open")
    size = shutil.get_terminal_size()
    kind = os.environ.get("TERM", "unknown")
    colours = os.environ.get("COLORTERM", "no COLORTERM")
    detail = f"{size.columns}x{size.lines}, {kind}, {colours}, {encoding}"
    if size.columns < _COLUMNS or size.lines < _LINES:
        return _check("terminal", "note", f"{detail}: smaller than {_COLUMNS}x{_LINES}")
    if encoding.lower().replace("-", "") != "utf8":
        return _check("terminal", "note", f"{detail}: not UTF-8, so glyphs become question marks")
    return _check("terminal", "good", detail)


def _keys() -> CheckFields:
    names = present(os.environ)
    if not names:
        return _check(
            "keys", "note", "none of a model provider in the environment; the offline model works"
        )
    return _check("keys", "good", ", ".join(names))


def _settings(workspace: Path) -> Iterator[CheckFields]:
    try:
        files = load_settings(workspace).files
    except SettingsError as error:
        for problem in error.problems:
            yield _check("settings", "bad", problem)
        return
    named = ", ".join(str(file) for file in files)
    yield _check("settings", "good", named or "no quarterdeck.toml: the defaults hold")


def _equipment(workspace: Path) -> Iterator[CheckFields]:
    """Yield how agents, plugins and MCP servers fare; settings that are wrong were told of."""
    if not workspace.is_dir():
        return
    try:
        load_settings(workspace)
    except SettingsError:
        return
    try:
        equipment = asyncio.run(asked(workspace))
    except SettingsError as error:
        for problem in error.problems:
            yield _check("agents", "bad", problem)
        return
    except (QuarterdeckError, OSError) as error:
        yield _check("agents", "bad", sentence(error))
        return
    roster = equipment.roster
    for trouble in (*roster.left_out.values(), *roster.clashes):
        yield _check("agents", "bad", trouble)
    usable = [name for name in roster.agents if name not in roster.left_out]
    named = ", ".join(sorted(usable)) or "none are configured"
    yield _check("agents", "good", f"{named}; {len(roster.tools)} tools")
    yield from map(_plugin, equipment.plugins)
    yield from map(_server, equipment.servers)


def _plugin(plugin: Plugin) -> CheckFields:
    if plugin.trouble is not None:
        return _check("plugin", "bad", plugin.trouble)
    which = f"{plugin.name} {plugin.version or ''} of {plugin.package or 'a path'}"
    if not plugin.enabled:
        how = f'add it to `plugins = ["{plugin.name}"]` in quarterdeck.toml'
        return _check("plugin", "note", f"{which} is installed and not used; {how} to use it")
    return _check("plugin", "good", which)


def _server(health: Health) -> CheckFields:
    if not health.connected:
        return _check("mcp", "bad", f"{health.server} is down: {health.last_error}")
    if health.left_out:
        left_out = "; ".join(health.left_out)
        return _check("mcp", "note", f"{health.server}: tools that cannot be used: {left_out}")
    return _check("mcp", "good", f"{health.server}, {health.tools} tools")


def _store(workspace: Path) -> CheckFields:
    try:
        checkpoint = asyncio.run(_checkpoint(workspace))
    except StoreMissingError as error:
        return _check("store", "note", f"none yet: {error}")
    except (QuarterdeckError, OSError) as error:
        return _check("store", "bad", sentence(error))
    size = (workspace / DATABASE).stat().st_size / _MIB
    detail = (
        f"workspace {checkpoint.workspace_id}, {checkpoint.position:,} events, {size:,.1f} MiB; "
        "`quarterdeck verify` proves them"
    )
    return _check("store", "good", detail)


async def _checkpoint(workspace: Path) -> Checkpoint:
    store = await open_store(workspace, create=False)
    try:
        return await store.checkpoint()
    finally:
        await store.close()


def _disk(workspace: Path) -> CheckFields:
    place = workspace.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / _MIB:,.0f} MiB free at {place}"
    if free < _FREE_BYTES:
        return _check("disk", "note", f"{detail}: make room before it is full")
    return _check("disk", "good", detail)
