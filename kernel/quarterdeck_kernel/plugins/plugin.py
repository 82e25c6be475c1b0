"""One plugin: which package it comes from, what it brings, or why it brings nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Final

GROUP: Final = "quarterdeck.plugins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plugin as it was found. `brings` is what stands in it; `trouble` why it was left out.

    One that nobody enabled brings nothing, and has no trouble either.
    """

    name: str
    package: str | None = None
    version: str | None = None
    enabled: bool = True
    brings: tuple[object, ...] = ()
    trouble: str | None = None


def plugins_of(enabled: Iterable[str], *, all_installed: bool = False) -> tuple[Plugin, ...]:
    """Return the plugins that are enabled, loaded; with `all_installed` the others, unloaded, too.

    One that cannot be loaded is told of in its `trouble`, and keeps no other from its work.
    """
    wanted = tuple(enabled)
    if not wanted and not all_installed:
        return ()
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    found = [_loaded(name, installed) for name in wanted]
    if all_installed:
        found += [
            _described(entry, enabled=False)
            for name, entry in sorted(installed.items())
            if name not in wanted
        ]
    return tuple(found)


def _loaded(name: str, installed: dict[str, EntryPoint]) -> Plugin:
    entry = installed.get(name)
    if entry is None:
        known = f"installed are {', '.join(sorted(installed))}" if installed else "none is"
        return Plugin(
            name=name,
            trouble=f"plugin {name!r} is not installed ({known}); install its package, or take it "
            "out of `plugins` in quarterdeck.toml",
        )
    try:
        brings = entry.load()
        things = tuple(vars(brings).values() if isinstance(brings, ModuleType) else brings)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is other people's code, and told
        package = entry.dist.name if entry.dist is not None else entry.value
        said = " ".join(str(error).split())
        return _described(
            entry,
            trouble=f"plugin {name!r} was left out: its import raised {type(error).__name__}: "
            f"{said[:500]}; update or remove {package}, or take it out of `plugins` in "
            "quarterdeck.toml",
        )
    return _described(entry, brings=things)


def _described(
    entry: EntryPoint,
    *,
    brings: tuple[object, ...] = (),
    trouble: str | None = None,
    enabled: bool = True,
) -> Plugin:
    package = entry.dist
    return Plugin(
        name=entry.name,
        package=package.name if package is not None else None,
        version=package.version if package is not None else None,
        enabled=enabled,
        brings=brings,
        trouble=trouble,
    )
