"""A stranger's file is data: whatever it holds, it is refused in a sentence and leaves nothing.

Each bound and each check has a mutant: with it taken away, what it keeps out gets in.
"""

import gzip
import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import import_recording, open_recording, verify, verify_recording
from quarterdeck_kernel.errors import (
    IntegrityError,
    QuarterdeckError,
    RecordingError,
    StoreMissingError,
    StoreTooNewError,
)
from quarterdeck_kernel.events.record import commitment_of, hash_of
from quarterdeck_kernel.recordings import reading
from quarterdeck_kernel.testing.logs import ADA
from tests.kernel.recordings.tapes import (
    Lines,
    deck,
    elsewhere,
    lines_of,
    recorded,
    tampered,
)

Change = Callable[[Lines], object]


def events_of(lines: Lines) -> Lines:
    return [line for line in lines if "header" in line]


def resealed(lines: Lines, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change headers, and seal them anew: hashes are right, whatever the events say."""
    events = events_of(lines)
    headers = [json.loads(event["header"]) for event in events]
    change(headers)
    prev = None
    for event, header in zip(events, headers, strict=True):
        if prev is not None:
            header["prev"] = prev.hex()
        event["header"] = json.dumps(header)
        salt = reading._bytes(event["salt"])
        prev = hash_of(event["header"], commitment_of(salt, event["payload"].encode()))
    assert prev is not None
    lines[0]["runs"][0]["head"]["hash"] = prev.hex()


def nested(depth: int) -> Any:  # noqa: ANN401 - JSON
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def put(place: str, value: object) -> Change:
    """Change a field of the only run in the manifest, or of the manifest."""

    def change(lines: Lines) -> None:
        where, name = lines[0], place
        if place.startswith("run."):
            where, name = lines[0]["runs"][0], place.removeprefix("run.")
        if place.startswith("head."):
            where, name = lines[0]["runs"][0]["head"], place.removeprefix("head.")
        where[name] = value

    return change


WRONG: dict[str, Change] = {
    "no manifest": lambda lines: lines.pop(0),
    "two manifests": lambda lines: lines.insert(0, lines[0]),
    "not a recording": put("quarterdeck_recording", "one"),
    "a format that is true": put("quarterdeck_recording", value=True),
    "a manifest that knows too much": put("also", 1),
    "no runs": put("runs", []),
    "a run twice": lambda lines: lines[0]["runs"].append(lines[0]["runs"][0]),
    "another asked for": put("asked_for", "ghost"),
    "a run that is a path": put("run.run_id", "../../etc/passwd"),
    "a tenant that is a path": put("run.tenant", "/etc"),
    "another tenant": put("run.tenant", "others"),
    "another run": put("run.run_id", "others"),
    "a key that is none of its": put("run.idempotency_key", "k"),
    "a fork of what is not there": put(
        "run.parent", {"run_id": "ghost", "seq": 1, "hash": "0" * 64}
    ),
    "a fork of itself": put("run.parent", {"run_id": "run", "seq": 1, "hash": "0" * 64}),
    "an earlier head": put("head.seq", 3),
    "a later head": put("head.seq", 99),
    "a head beyond numbers": put("head.seq", 2**80),
    "a head that is negative": put("head.seq", -1),
    "another head": put("head.hash", "0" * 64),
    "no run line": lambda lines: lines.pop(1),
    "an event missing": lambda lines: lines.remove(events_of(lines)[4]),
    "an event twice": lambda lines: lines.insert(4, events_of(lines)[1]),
    "events exchanged": lambda lines: lines.insert(2, lines.pop(4)),
    "a header changed": lambda lines: events_of(lines)[2].update(
        header=events_of(lines)[2]["header"]
        .replace("run_started", "run_stopped")
        .replace("tool", "fool")
        + " "
    ),
    "a payload changed": lambda lines: events_of(lines)[2].update(payload='{"a":1}'),
    "the last payload changed": lambda lines: events_of(lines)[-1].update(payload="{}"),
    "a payload of another kind": lambda lines: events_of(lines)[2].update(payload=7),
    "a salt missing": lambda lines: events_of(lines)[2].pop("salt"),
    "a salt that is a part of what was said": lambda lines: events_of(lines)[2].update(salt=""),
    "a salt that is no base64": lambda lines: events_of(lines)[2].update(salt="%%%%"),
    "a tombstone without a reason": lambda lines: events_of(lines)[2].update(
        payload=None, commitment="00" * 32
    ),
    "a commitment too short": lambda lines: events_of(lines)[2].update(
        payload=None, commitment="00", gone="erased"
    ),
    "a blob missing": lambda lines: lines.remove(next(x for x in lines if "blob" in x)),
    "a blob changed": lambda lines: next(x for x in lines if "blob" in x).update(content="AAAA"),
    "a blob of another name": lambda lines: next(x for x in lines if "blob" in x).update(
        blob="../x"
    ),
    "a header that is no JSON": lambda lines: events_of(lines)[2].update(header="{"),
    "a header that is a list": lambda lines: events_of(lines)[0].update(header="[]"),
    "a header without facts": lambda lines: resealed(lines, lambda h: h[3].pop("facts")),
    "facts that are a text": lambda lines: resealed(lines, lambda h: h[3].update(facts="x")),
    "a kind that is a number": lambda lines: resealed(
        lines, lambda h: h[3]["facts"].update(kind=1)
    ),
    "a time beyond numbers": lambda lines: resealed(lines, lambda h: h[3].update(at_us=2**70)),
    "a negative time": lambda lines: resealed(lines, lambda h: h[3].update(at_us=-1)),
    "a time that is a text": lambda lines: resealed(lines, lambda h: h[3].update(at_us="now")),
    "an epoch beyond numbers": lambda lines: resealed(lines, lambda h: h[3].update(epoch=2**64)),
    "a step that two names are taken for": lambda lines: resealed(
        lines, lambda h: h[2]["facts"].update(step_key="s\0")
    ),
    "a person that two names are taken for": lambda lines: resealed(
        lines, lambda h: h[3].update(actor={"kind": "operator", "name": "ada\0"})
    ),
    "an actor that is nobody": lambda lines: resealed(lines, lambda h: h[3].update(actor=[])),
    "facts that do not fit": lambda lines: resealed(
        lines, lambda h: h[3]["facts"].update(kind="run_queued")
    ),
    "a run that begins in the middle": lambda lines: resealed(
        lines, lambda h: h[0]["facts"].update(kind="held", by="operator")
    ),
    "a header that nests": lambda lines: resealed(
        lines, lambda h: h[3]["facts"].update(more=nested(160))
    ),
    "a line that nests": lambda lines: lines[2].update(more=nested(400)),
    "no end": lambda lines: lines.pop(),
    "another end": lambda lines: lines[-1].update(events=1),
    "something behind the end": lambda lines: lines.append({"run": "run"}),
    "a note that is none": lambda lines: lines.insert(3, {"note": "text"}),
    "a note about no event": lambda lines: lines.insert(
        3,
        {
            "note": {
                "bookmark_id": "b",
                "seq": 99,
                "note": "",
                "actor": {"kind": "kernel"},
                "at_us": 1,
            }
        },
    ),
}


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import asyncio

    return asyncio.run(recorded(tmp_path_factory.mktemp("stranger")))


def copied(tape: Path, folder: Path) -> Path:
    copy = folder / "tape"
    copy.write_bytes(tape.read_bytes())
    return copy


async def laid_out(path: Path) -> None:
    verify_recording(path)
    async with open_recording(path):
        pass


async def refused(path: Path) -> str:
    """Why a file is refused: what does not follow from its hashes, when it is laid out."""
    with pytest.raises(QuarterdeckError) as raised:
        await laid_out(path)
    return str(raised.value)


@pytest.mark.parametrize("name", WRONG)
async def test_what_was_tampered_with_is_refused(name: str, tape: Path, tmp_path: Path) -> None:
    assert len(await refused(tampered(copied(tape, tmp_path), WRONG[name]))) > len("line 1")


async def test_what_is_refused_leaves_a_workspace_as_it_was(tape: Path, tmp_path: Path) -> None:
    broken = tampered(copied(tape, tmp_path), WRONG["the last payload changed"])
    async with elsewhere(tmp_path / "other") as store:
        with pytest.raises(IntegrityError):
            await import_recording(store, broken)
        assert (await store.checkpoint()).position == 0
        assert await store.acts() == []


def test_a_file_cut_off_anywhere_is_refused(tape: Path, tmp_path: Path) -> None:
    data = tape.read_bytes()
    cut = tmp_path / "cut"
    for length in {*range(0, len(data), 37), len(data) - 1, len(data) - 8}:
        cut.write_bytes(data[:length])
        with pytest.raises(RecordingError):
            verify_recording(cut)


def test_a_flipped_bit_anywhere_is_found(tape: Path, tmp_path: Path) -> None:
    """In the packed file, and in what it unpacks to: there no checksum of gzip's helps."""
    chance = random.Random(7)
    flipped = tmp_path / "flipped"
    for data, pack in (
        (tape.read_bytes(), bytes),
        (gzip.decompress(tape.read_bytes()), gzip.compress),
    ):
        # Who made it, and when, is nothing that can be checked; and gzip has room for a name.
        begin = data.index(b'"asked_for"') if pack is gzip.compress else 10
        for _ in range(150):
            at, bit = chance.randrange(begin, len(data)), chance.randrange(8)
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            flipped.write_bytes(pack(bytes(changed)))
            try:
                found = verify_recording(flipped)
            except QuarterdeckError:
                continue
            # JSON may be spelt in two ways; then it says the same.
            assert found.events == verify_recording(tape).events, (at, bit)
            assert lines_of(flipped)[2:] == lines_of(tape)[2:] or b"redaction" in data[at - 20 : at]


def test_junk_is_no_recording(tmp_path: Path) -> None:
    for number, junk in enumerate((b"", b"\0" * 1000, b"PK\3\4", b"{}", gzip.compress(b"junk"))):
        path = tmp_path / f"junk-{number}"
        path.write_bytes(junk)
        with pytest.raises(RecordingError):
            verify_recording(path)
    for path in (tmp_path, tmp_path / "ghost"):
        with pytest.raises(StoreMissingError):
            verify_recording(path)


def test_what_stands_behind_the_packed_data_is_refused(tape: Path, tmp_path: Path) -> None:
    for more in (b"more", tape.read_bytes()):
        path = tmp_path / "more"
        path.write_bytes(tape.read_bytes() + more)
        with pytest.raises(RecordingError, match="behind the end"):
            verify_recording(path)


def test_a_newer_format_says_what_to_do(tape: Path, tmp_path: Path) -> None:
    newer = tampered(copied(tape, tmp_path), put("quarterdeck_recording", 2))
    with pytest.raises(StoreTooNewError, match=r"made by a newer Quarterdeck .* update"):
        verify_recording(newer)


async def test_events_of_a_newer_version_can_be_looked_at_and_nothing_more(
    tape: Path, tmp_path: Path
) -> None:
    """Foreign kinds and schemas make the run read-only, here as in the workspace it came from."""

    def newer(headers: list[dict[str, Any]]) -> None:
        headers[-1]["schema"] = 7
        headers[-1]["facts"] = {"kind": "beamed_up", "by": "transporter"}

    path = tampered(copied(tape, tmp_path), lambda lines: resealed(lines, newer))
    async with deck(tmp_path / "other") as kernel:
        done = await import_recording(kernel.store, path)
        assert (done.imported, done.held) == (("run",), ())
        row = (await kernel.store.projections("run")).fleet
        assert row.read_only is not None
        with pytest.raises(QuarterdeckError, match="newer"):
            await kernel.say("run", "hello", actor=ADA)
        verdict = await verify(kernel.store)
        assert verdict.ok, verdict


JUNK: tuple[object, ...] = (
    None, True, -1, 0, 2**63, 2**200, 1e308, "", "x" * 300, "\x1b[2J", "\u202e", [], {}, [1],
    {"a": 1}, "run", 3, "s1", "succeeded", "../../x", "tool_requested", "run_forked", "held",
)  # fmt: skip


def disturbed(chance: random.Random) -> Change:
    """Give facts of events other values; the hashes are those of what stands there then."""

    def change(headers: list[dict[str, Any]]) -> None:
        for _ in range(chance.randrange(1, 4)):
            facts = chance.choice(headers)["facts"]
            facts[chance.choice(sorted(facts))] = chance.choice(JUNK)

    return lambda lines: resealed(lines, change)


@pytest.mark.parametrize("seed", range(12))
async def test_events_that_make_no_sense_together_are_refused_or_shown(
    seed: int, tape: Path, tmp_path: Path
) -> None:
    """Sealed as they should be, so that only the fold can tell."""
    path = tampered(copied(tape, tmp_path), disturbed(random.Random(seed)))
    with suppress(QuarterdeckError):
        await laid_out(path)


def outcome(path: Path) -> str:
    try:
        verify_recording(path)
    except RecordingError as error:
        return str(error)
    return "accepted"


def believed(_run: object, header: dict[str, Any], _seq: int) -> tuple[str, int]:
    return "held", header["at_us"]


MUTANTS: tuple[tuple[str, object, str, object], ...] = (
    ("a header that nests", reading, "_text", lambda given, _limit: given),
    ("a run twice", reading, "_check_runs", lambda _manifest: None),
    ("another asked for", reading, "_check_runs", lambda _manifest: None),
    ("a header changed", reading._Run, "_check", believed),
    ("another tenant", reading._Run, "_check", believed),
    ("a time beyond numbers", reading._Run, "_check", believed),
    ("a step that two names are taken for", reading._Run, "_check_names", lambda *_: None),
    ("a blob missing", reading._Run, "_check_blob", lambda *_: None),
    ("another end", reading.Recording, "_end", lambda *_: None),
)


@pytest.mark.parametrize(("wrong", "where", "check", "instead"), MUTANTS)
def test_what_a_check_finds_is_not_found_without_it(
    wrong: str,
    where: object,
    check: str,
    instead: object,
    tape: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tampered(copied(tape, tmp_path), WRONG[wrong])
    sound = outcome(path)
    assert sound != "accepted"
    monkeypatch.setattr(where, check, instead)
    assert outcome(path) != sound
