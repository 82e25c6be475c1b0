"""What the demo's runs do to the world: small, real, and confined to the workspace's files."""

import csv
import gzip
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from quarterdeck_kernel.vocabulary.words import Effect, Risk

Arguments = Mapping[str, JsonValue]
Result = dict[str, JsonValue]

PAYMENTS = "payments.csv"


class ToolFailedError(Exception):
    """A tool certifies that it cannot do what was asked, and that trying again is no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function with the effect it declares."""

    name: str
    effect: Effect
    run: Callable[[Path, Arguments], Result]
    risk: Risk = "low"


def inside(files: Path, name: JsonValue) -> Path:
    """Return the file of that name; refuse one that is not in the workspace's files."""
    path = (files / str(name)).resolve()
    if not path.is_relative_to(files.resolve()):
        raise ToolFailedError(f"{name!r} is outside the workspace's files")
    return path


def _count(files: Path, arguments: Arguments) -> Result:
    content = inside(files, arguments["path"]).read_bytes()
    return {"lines": content.count(b"\n"), "bytes": len(content)}


def _hash(files: Path, arguments: Arguments) -> Result:
    content = inside(files, arguments["path"]).read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest()}


def _write(files: Path, arguments: Arguments) -> Result:
    path, text = inside(files, arguments["path"]), str(arguments["text"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return {"bytes": len(text.encode())}


def _pack(files: Path, arguments: Arguments) -> Result:
    content = inside(files, arguments["path"]).read_bytes()
    target = inside(files, f"archive/{arguments['path']}.gz")
    target.parent.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(content, mtime=0)
    target.write_bytes(packed)
    return {"from": len(content), "to": len(packed)}


def _list_stale(files: Path, arguments: Arguments) -> Result:
    folder = inside(files, arguments["folder"])
    return {"stale": [str(path.relative_to(files)) for path in sorted(folder.glob("*.log"))]}


def _load_ledger(files: Path, arguments: Arguments) -> Result:
    path = inside(files, arguments["path"])
    total = 0
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), 1):
            try:
                total += int(row[1])
            except (IndexError, ValueError) as error:
                message = f"{arguments['path']}, line {number}: {row!r} has no amount"
                raise ToolFailedError(message) from error
    return {"total_cents": total}


def _pay(files: Path, arguments: Arguments) -> Result:
    line = f"{arguments['key']},{arguments['invoice']},{arguments['cents']},{arguments['to']}\n"
    with inside(files, PAYMENTS).open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return {"paid_cents": arguments["cents"]}


def find_payment(files: Path, key: str) -> str | None:
    """Return the line of `payments.csv` that an idempotency key stands in: the probe of `pay`."""
    path = inside(files, PAYMENTS)
    if not path.exists():
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in lines if line.split(",")[0] == key), None)


COUNT = Tool(name="count_lines", effect="read", run=_count)
HASH = Tool(name="hash_file", effect="read", run=_hash)
LIST_STALE = Tool(name="list_stale", effect="read", run=_list_stale)
LOAD_LEDGER = Tool(name="load_ledger", effect="read", run=_load_ledger)
WRITE = Tool(name="write_file", effect="idempotent", run=_write)
PACK = Tool(name="pack_file", effect="idempotent", run=_pack)
PAY = Tool(name="pay", effect="once", run=_pay, risk="high")
