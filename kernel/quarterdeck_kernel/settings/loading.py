"""Reading settings: the file of the workspace upon that of the user's configuration folder.

All that is wrong with them is told at once, a line each, and nothing of them is used then.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from quarterdeck_kernel.errors import SettingsError
from quarterdeck_kernel.settings import toml_lines
from quarterdeck_kernel.settings.files import settings_files
from quarterdeck_kernel.settings.problems import Problem, key_of, nearest, problems_of
from quarterdeck_kernel.settings.schema import settings_schema
from quarterdeck_kernel.settings.settings import Settings

FILE_BYTES: Final = 1024 * 1024
"""No settings of people are larger; what a workspace was made to hold may be."""

DEFAULT_TENANT: Final = "local"

_AT: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Loaded(NamedTuple):
    """The settings that hold, the files they came from, the user's first, and where keys stand."""

    settings: Settings
    files: tuple[Path, ...] = ()
    places: Mapping[str, str] = MappingProxyType({})

    def placed(self, problem: str) -> str:
        """Return what is wrong with what a key names, found later, with its file and line."""
        key = problem.partition(": ")[0]
        while key and key not in self.places:
            key = key.rpartition(".")[0]
        return f"{self.places[key]}: {problem}" if key else problem


class _Read(NamedTuple):
    file: Path
    data: dict[str, Any]
    lines: dict[toml_lines.Path, int]


def load_settings(workspace: Path | str | None, *, user: Path | None = None) -> Loaded:
    """Return the settings of a workspace folder and its user; those of a missing file are empty.

    `user` is the user's configuration folder, if it is not the system's. None as a workspace is
    one without a folder.
    """
    files = settings_files(Path(workspace) if workspace is not None else None, user=user)
    wrong: list[str] = []
    read = [each for file in files if (each := _read(file, wrong)) is not None]
    tenants = {DEFAULT_TENANT, *(name for each in read for name in _tables(each.data, "tenants"))}
    settings = Settings()
    for each in read:
        problems = [*_cross_checked(each.data, tenants)]
        try:
            said = Settings.model_validate(each.data).placed(each.file.parent)
            settings = said.under(settings)
        except ValidationError as error:
            problems += problems_of(error, each.data, settings_schema())
        wrong += _told(each, problems)
    wrong += _tierless(settings, read) if not wrong else ()
    if wrong:
        raise SettingsError("\n".join(wrong), problems=tuple(wrong))
    places = {
        key_of(path): f"{each.file}:{line}" for each in read for path, line in each.lines.items()
    }
    for each in read:
        if isinstance(each.data.get("agents"), list):
            # That is another way to name modules.
            places.setdefault("modules", places["agents"])
    return Loaded(settings, tuple(each.file for each in read), places)


def _tierless(settings: Settings, read: list[_Read]) -> Iterator[str]:
    """Yield what stands upon tiers, where all files together name no model of theirs."""
    tiers = settings.tiers.models(settings.models)
    for each in read:
        data, problems = each.data, []
        if data.get("budgets", {}).get("on_exceed") == "degrade" and not tiers:
            message = "there is no cheaper model to degrade to; name models in [tiers]"
            problems.append(Problem(("budgets", "on_exceed"), message))
        agents = data.get("agents", {})
        for name in agents if isinstance(agents, dict) else ():
            tier = agents[name].get("tier")
            if tier is not None and tier not in tiers:
                message = f"tier {tier!r} has no models{nearest(tier, tiers)}"
                problems.append(Problem(("agents", name, "tier"), f"{message}; see [tiers]"))
        yield from _told(each, problems)


def _told(read: _Read, problems: list[Problem]) -> list[str]:
    placed = sorted(
        {(toml_lines.line_of(read.lines, each.path), key_of(each.path), each.message)
        for each in problems}
    )  # fmt: skip
    return [
        f"{read.file}:{line}: {f'{key}: ' if key else ''}{' '.join(message.split())}"
        for line, key, message in placed
    ]


def _read(file: Path, wrong: list[str]) -> _Read | None:
    """Return what stands in a file; what keeps it from being read is added to `wrong`."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        wrong.append(f"{file}:1: it cannot be read: {error.strerror}")
        return None
    if len(raw) > FILE_BYTES:
        wrong.append(f"{file}:1: it is larger than {FILE_BYTES:,} bytes")
        return None
    try:
        text = raw.decode().replace("\r\n", "\n")
        data = tomllib.loads(text, parse_float=Decimal)
        return _Read(file, data, toml_lines.lines_of(text))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        wrong.append(f"{file}:{line}: it is not UTF-8")
    except RecursionError:
        wrong.append(f"{file}:1: it is nested too deep")
    except tomllib.TOMLDecodeError as error:
        told = str(error)
        place = _AT.search(told)
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        wrong.append(f"{file}:{line}: {_AT.sub('', told)}")
    except ValueError as error:
        # A number of more digits than anybody means.
        wrong.append(f"{file}:1: {error}")
    return None


def _tables(data: Mapping[str, Any], name: str) -> Iterator[str]:
    section = data.get(name)
    yield from section if isinstance(section, dict) else ()


def _cross_checked(data: Mapping[str, Any], tenants: set[str]) -> Iterator[Problem]:
    """Yield what is wrong between one part of a file and another."""
    rules = data.get("rules")
    names: set[str] = set()
    for place, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, dict):
            continue
        name = rule.get("name")
        if isinstance(name, str):
            if name in names:
                yield Problem(("rules", place, "name"), f"{name!r} is the name of another rule")
            names.add(name)
        meant = rule.get("tenants")
        for at, tenant in enumerate(meant if isinstance(meant, list) else ()):
            if isinstance(tenant, str) and not _known(tenant, tenants):
                hint = nearest(tenant.removeprefix("!"), tenants)
                path = ("rules", place, "tenants", at)
                yield Problem(path, f"no tenant is called {tenant!r}{hint}")


def _known(pattern: str, tenants: set[str]) -> bool:
    """A pattern may be for tenants to come; a name must be one of those there are, if any are."""
    declared = tenants != {DEFAULT_TENANT}
    name = pattern.removeprefix("!")
    return not declared or any(c in name for c in "*?[") or name in tenants
