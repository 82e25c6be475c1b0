"""The cast of the demo: seven runs, and the files they work on."""

import shutil
import sysconfig
from pathlib import Path

from pydantic import JsonValue

import quarterdeck_kernel
from quarterdeck.demo.driver import Driver, Part
from quarterdeck.demo.tools import (
    COUNT,
    HASH,
    LIST_STALE,
    LOAD_LEDGER,
    PACK,
    PAY,
    WRITE,
    Tool,
)
from quarterdeck_kernel.errors import StoreError

_PACKAGES = ("asyncio", "concurrent", "email", "html", "http", "importlib", "json", "logging",
             "multiprocessing", "sqlite3", "unittest", "urllib", "xml", "zipfile")  # fmt: skip
_PACK_BUDGET = 12
INVOICES = (
    ("8841", "the cooper", 12_000),
    ("8842", "the chandler", 4_350),
    ("8843", "the sailmaker", 88_100),
    ("8844", "the rope walk", 9_990),
    ("8845", "the pilot", 25_000),
)
SILENT_INVOICE = "8843"
_LOGS = ("2023-11", "2024-02", "2024-05", "2024-08", "2025-01", "2025-03")
_LEDGER = "march.csv"
_LEDGER_LINES = "harbour dues,1200\nlamp oil,430\nhemp\nbiscuit,2210\n"


class ForeignFilesError(StoreError):
    """The files in the folder are not those of the demo."""


def prepare_files(files: Path) -> None:
    """Copy real modules into the workspace and write the few files that the show needs.

    All or none: what was cut off half-way is begun anew, and what others put there is refused.
    """
    if files.exists():
        if not (files / _LEDGER).is_file():
            raise ForeignFilesError(
                f"{str(files)!r} is there already and is not the demo's; name an empty folder"
            )
        return
    draft = files.with_name(f"{files.name}.draft")
    if draft.exists():
        shutil.rmtree(draft)
    library = Path(sysconfig.get_path("stdlib"))
    for package in _PACKAGES:
        _copy_modules(library / package, draft / "library" / package)
    _copy_modules(Path(quarterdeck_kernel.__file__).parent, draft / "kernel")
    (draft / "logs").mkdir(parents=True)
    for month in _LOGS:
        (draft / "logs" / f"{month}.log").write_text(f"{month}-01 all quiet\n", encoding="utf-8")
    (draft / _LEDGER).write_text(_LEDGER_LINES, encoding="utf-8")
    draft.rename(files)


def _copy_modules(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*.py")):
        relative = path.relative_to(source)
        if "test" in relative.parts or "tests" in relative.parts:
            continue
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / relative)


def _modules(files: Path, folder: str) -> list[str]:
    return [str(path.relative_to(files)) for path in sorted((files / folder).rglob("*.py"))]


def _whole(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


async def _survey(run: Driver) -> JsonValue:
    lines = 0
    paths = _modules(run.files, "library")
    for path in paths:
        lines += _whole((await run.call(COUNT, {"path": path}, name=path))["lines"])
    text = f"# Survey\n\n{len(paths)} modules, {lines} lines\n"
    await run.call(WRITE, {"path": "reports/survey.md", "text": text}, name="survey.md")
    return {"modules": len(paths), "lines": lines}


async def _fingerprint(run: Driver) -> JsonValue:
    sums = [
        f"{(await run.call(HASH, {'path': path}, name=path))['sha256']}  {path}\n"
        for path in _modules(run.files, "kernel")
    ]
    await run.call(WRITE, {"path": "SHA256SUMS", "text": "".join(sums)}, name="SHA256SUMS")
    return {"files": len(sums)}


async def _report(run: Driver) -> JsonValue:
    for package in _PACKAGES[:4]:
        paths = _modules(run.files, f"library/{package}")
        text = f"# {package}\n\n" + "".join(f"- {path}\n" for path in paths)
        await run.call(WRITE, {"path": f"reports/{package}.md", "text": text}, name=package)
    return {"reports": 4}


async def _archive(run: Driver) -> JsonValue:
    saved = 0
    for path in _modules(run.files, "library/email"):
        sizes = await run.call(PACK, {"path": path}, name=path)
        saved += _whole(sizes["from"]) - _whole(sizes["to"])
    return {"saved_bytes": saved}


async def _import_ledger(run: Driver) -> JsonValue:
    return await run.call(LOAD_LEDGER, {"path": _LEDGER}, name=_LEDGER)


async def _clean(run: Driver) -> JsonValue:
    found = await run.call(LIST_STALE, {"folder": "logs"}, name="logs")
    # Nothing can approve yet, so nothing here can delete: the run waits.
    delete = Tool(name="delete", effect="once", run=lambda _files, _arguments: {}, risk="high")
    await run.ask(
        step_key="delete/logs",
        tool=delete,
        title="delete 6 stale logs",
        details={"paths": found["stale"]},
    )
    return None


async def _pay_invoices(run: Driver) -> JsonValue:
    for invoice, payee, cents in INVOICES:
        key = run.idempotency_key(f"{PAY.name}/{invoice}")
        arguments: dict[str, JsonValue] = {
            "invoice": invoice,
            "to": payee,
            "cents": cents,
            "key": key,
        }
        await run.call(PAY, arguments, name=invoice)
    return {"paid": len(INVOICES)}


PAYMENTS_PART = Part(
    name="payments", objective="settle 5 invoices of the dockyard", play=_pay_invoices, pace=1.5
)
CREW = (
    Part(name="scribe", objective="write a report on 4 packages", play=_report, pace=1.5),
    Part(name="surveyor", objective="count the lines of the standard library", play=_survey),
    Part(name="librarian", objective="fingerprint the kernel's sources", play=_fingerprint, pace=2),
    Part(
        name="archivist",
        objective="pack the email package, within 12 tool calls",
        play=_archive,
        tool_calls=_PACK_BUDGET,
    ),
    Part(name="importer", objective="load the march ledger", play=_import_ledger, pace=4),
    Part(name="cleaner", objective="tidy up stale logs", play=_clean, pace=3),
)
