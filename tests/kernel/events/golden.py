"""The golden log of schema 1: how it was made, and how its lines are read.

`python -m tests.kernel.events.golden` wrote `tests/golden/schema_1.jsonl` when schema 1 was
released. The file never changes again: a new schema gets a file of its own.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from quarterdeck_kernel.events.record import SALT_BYTES, Record
from quarterdeck_kernel.events.union import BY_KIND
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import Beside, LogBuilder, queued
from tests.kernel.events.payloads import bare_example, fixed_example

SCHEMA_1 = Path(__file__).parents[2] / "golden" / "schema_1.jsonl"


def _salts() -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        yield hashlib.sha256(b"golden salt %d" % number).digest()[:SALT_BYTES]


def written() -> list[Record]:
    """Return the log: each kind twice, with every field given and with the fewest; one blob."""
    salts, clock = _salts(), FakeClock()
    log = LogBuilder("golden-1", tenant="acme", clock=clock, seed=1)
    with patch("quarterdeck_kernel.events.envelope.os.urandom", lambda _: next(salts)):
        log.accept(log.create(queued()))
        for kind in sorted(BY_KIND):
            for payload in (fixed_example(BY_KIND[kind]), bare_example(BY_KIND[kind])):
                clock.advance(1_000)
                log.accept(log.drive(1, payload))
        log.accept(log.operate(beside=Beside(blob="5a" * 32)))
    return log.records


def line_of(record: Record) -> str:
    """Return a record as a line: columns as they are, bytes in base64."""
    columns = {
        name: {"base64": b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in record._asdict().items()
    }
    return json.dumps(columns, sort_keys=True)


def record_of(line: str) -> Record:
    """Return the record of a line."""
    columns: dict[str, Any] = {
        name: b64decode(value["base64"]) if isinstance(value, dict) else value
        for name, value in json.loads(line).items()
    }
    return Record(**columns)


def stored(path: Path = SCHEMA_1) -> list[Record]:
    """Return the records of a golden log."""
    return [record_of(line) for line in path.read_text(encoding="ascii").splitlines()]


if __name__ == "__main__":
    SCHEMA_1.write_text("".join(f"{line_of(record)}\n" for record in written()), encoding="ascii")
