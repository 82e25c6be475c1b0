"""The cast of the demo: seven agents of a harbour office, and the files that they work on."""

import shutil
from pathlib import Path
from typing import NamedTuple

from quarterdeck.demo.script import script_json
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel.errors import StoreError
from quarterdeck_kernel.settings.files import FILE_NAME

TENANT = "harbour"
SCRIPT = "script.json"
OUTAGE = "bank-outage"
_TEMPLATE = Path(__file__).with_name("harbour")
_MARK = "bank.py"
_PARTS = ("files", FILE_NAME)


class Part(NamedTuple):
    """An agent, and what it is to do; its run goes by its name."""

    agent: str
    objective: str


class Invoice(NamedTuple):
    """What is to be paid, once."""

    number: str
    payee: str
    usd: str


CAST = (
    Part("payments", "settle the five invoices that are due"),
    Part("cleaner", "delete the gate logs that are too old"),
    Part("scribe", "sum the week's minutes up for the board"),
    Part("importer", "load the ledger of March"),
    Part("recorder", "index the harbour log, January to June"),
    Part("surveyor", "compare the tides of three stations"),
    Part("planner", "plan Thursday's berths"),
)
INVOICES = (
    Invoice("8841", "Alder & Sons", "120.00"),
    Invoice("8842", "Brandt", "43.50"),
    Invoice("8843", "Castellan", "881.00"),
    Invoice("8844", "Dorsey", "99.90"),
    Invoice("8845", "Eide", "250.00"),
)
SILENT_ON = INVOICES[2].number
"""The bank takes this payment, and its answer never comes."""


class ForeignFilesError(StoreError):
    """The files in the folder are not those of the demo."""


def prepare(workspace: Workspace, *, turn_s: float) -> None:
    """Put the harbour's files, settings and tools in place; a turn of its model takes `turn_s`.

    What was cut off half-way is completed; a folder that somebody else put things into is refused.
    """
    folder = workspace.folder
    if not (folder / _MARK).is_file():
        for name in _PARTS:
            if (folder / name).exists():
                raise ForeignFilesError(
                    f"{str(folder / name)!r} is there already and is not the demo's; name an "
                    "empty folder"
                )
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(_TEMPLATE, draft, ignore=shutil.ignore_patterns("__pycache__"))
    (draft / SCRIPT).write_text(script_json(turn_s), encoding="utf-8")
    (draft / SCRIPT).replace(folder / SCRIPT)
    # Each whole or not at all; what there is may have been worked on.
    for name in (_MARK, *_PARTS):
        if not (folder / name).exists():
            (draft / name).rename(folder / name)
    shutil.rmtree(draft)


def paid(workspace: Workspace) -> list[str]:
    """Return the lines that the bank really has: what is counted does not come from the log."""
    book = workspace.files / "payments.csv"
    if not book.exists():
        return []
    return book.read_text(encoding="utf-8", errors="replace").splitlines()


def is_paid(workspace: Workspace, invoice: str) -> bool:
    """Tell whether the bank has a payment of an invoice."""
    return any(line.split(",")[1:2] == [invoice] for line in paid(workspace))
