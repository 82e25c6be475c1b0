"""What the harbour's agents say: the script of their model, as the workspace keeps it.

A turn is found by whose prompt it stands in and by how many answers came before it, so that a
process which takes a run up hears what the one before it would have heard.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

_CENT_MICROS = 10_000

STALE = tuple(
    f"gate-{year}-{month:02d}.log"
    for year, months in ((2024, range(8, 13)), (2025, range(1, 11)))
    for month in months
)
"""The gate logs that are older than twelve months."""

RAISED_USD = "0.60"
"""What the recorder needs, and says so."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool, and what it is called with."""

    tool: str
    arguments: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Turn:
    """What an agent says in one turn; of several for one, the first whose `heard` was said."""

    text: str
    calls: Sequence[Call] = ()
    heard: str | None = None
    cents: float = 1.0


def _read(*paths: str) -> list[Call]:
    return [Call("read_file", {"path": path}) for path in paths]


def _listed(folder: str) -> list[Call]:
    return [Call("list_files", {"folder": folder})]


def _written(path: str, text: str) -> list[Call]:
    return [Call("write_file", {"path": path, "text": text})]


def _finished(answer: str) -> list[Call]:
    return [Call("finish", {"answer": answer})]


def _paid(invoice: str, payee: str, usd: str) -> Call:
    return Call("pay", {"invoice": invoice, "payee": payee, "usd": usd})


PAYMENTS = (
    Turn("I begin with what is due.", _listed("invoices")),
    Turn(
        "Five invoices. I read them all before I pay any.",
        _read(*(f"invoices/{number}.txt" for number in range(8841, 8846))),
    ),
    Turn(
        "All five are in order. The two that are due today go first.",
        [_paid("8841", "Alder & Sons", "120.00"), _paid("8842", "Brandt", "43.50")],
    ),
    Turn(
        "Both are paid. Now the sailmaker, which is the largest.",
        [_paid("8843", "Castellan", "881.00")],
    ),
    Turn(
        "The mainsail is paid for. The last two.",
        [_paid("8844", "Dorsey", "99.90"), _paid("8845", "Eide", "250.00")],
    ),
    Turn(
        "All five are paid. I enter them in the book.",
        _written(
            "reports/payments.md",
            "# Payments, 21 November\n\n| invoice | payee | USD |\n|---|---|---|\n"
            "| 8841 | Alder & Sons | 120.00 |\n| 8842 | Brandt | 43.50 |\n"
            "| 8843 | Castellan | 881.00 |\n| 8844 | Dorsey | 99.90 |\n| 8845 | Eide | 250.00 |\n",
        ),
    ),
    Turn("", _finished("Five invoices paid, 1,394.40 USD in all. None is open.")),
)

REMOVE = "rm -v -- \\\n" + " \\\n".join(f"  {name}" for name in STALE)

CLEANER = (
    Turn(
        "I look at what there is, and at the rule for it.", _listed("logs") + _read("logs/KEEP.md")
    ),
    Turn(
        "Twelve months are kept. These fifteen gate logs are older, and the gate book in the "
        "office holds their totals. I ask before I delete them.",
        [Call("shell", {"command": REMOVE, "folder": "logs"})],
    ),
    (
        Turn(
            "",
            _finished("Fifteen gate logs, August 2024 to October 2025, are gone; twelve are kept."),
            heard='"exit_code":0',
        ),
        Turn("", _finished("I was not to delete the old gate logs; all are where they were.")),
    ),
)

SCRIBE = (
    Turn("What was written down this week?", _listed("minutes")),
    Turn(
        "Three sets of minutes.",
        _read(*(f"minutes/{day}-november.md" for day in (16, 18, 20))),
    ),
    Turn(
        "I write the digest: what somebody has to act upon comes first.",
        _written(
            "reports/week-47.md",
            "# Week 47 in short\n\n"
            "1. Storm on Sunday: lighters to the inner basin by Saturday, 16:00.\n"
            "2. Thursday: Halcyon and Petrel both want quay 2. The berth planner decides.\n"
            "3. From 2 December the dredger's barge has quay 4 for nine days.\n"
            "4. The fog signal has a new reed. It did not miss a blast.\n",
        ),
    ),
    Turn("", _finished("reports/week-47.md has the week in four points, the storm first.")),
)

_AGAIN = [Call("search_files", {"pattern": r",\d+\.\d\d$", "folder": "march.csv"})]

IMPORTER = (
    Turn("I read the ledger.", _read("march.csv")),
    Turn("Five entries, and four sums. I look for the fifth.", _AGAIN),
    Turn("Still four. Perhaps the search missed one: once more.", _AGAIN),
    Turn("Four again. The fifth must be there: once more.", _AGAIN),
    Turn("I am sure that there are five. Once more.", _AGAIN),
    Turn("Once more.", _AGAIN),
    Turn("It was refused. Once more, then.", _AGAIN),
    Turn(
        "The ledger of March is not loaded. Line 4, hemp of the 9th, has no sum, and I searched "
        "for one until I was stopped. Somebody who has the receipt must enter it."
    ),
)

_MONTHS = ("january", "february", "march", "april", "may", "june")
_INDEX = """# Index of the harbour log

- **January** ice in the inner basin; the Constance on the bar
- **February** the new lamp on the mole; the Wren fouls the chain
- **March** three gales; quay 3 loses a bollard to the Orion
- **April** first steamer; eleven pilotages in a day (Eide)
- **May** fourteen mornings of fog; the Pansy sinks and is raised
- **June** an old anchor is dredged up; the Petrel's first call
"""

RECORDER = (
    Turn("Six months to index. I take them one at a time.", _listed("harbour-log"), cents=2.0),
    *(Turn(f"{month.title()}.", _read(f"harbour-log/{month}.md"), cents=4.5) for month in _MONTHS),
    Turn("All six are read. The index.", _written("reports/log-index.md", _INDEX), cents=4.5),
    Turn("", _finished("reports/log-index.md has six months of the harbour log."), cents=2.0),
)

_STATIONS = ("north-mole", "bar-buoy", "old-lock")


def _table(station: str) -> str:
    return f"tides/{station}.csv"


SURVEYOR = (
    Turn("Which stations have sent their tables?", _listed("tides")),
    Turn(
        "Three. A reader for each, at the same time.",
        [Call("reader", {"task": f"Read {_table(name)}: the highest water, and when."})
         for name in _STATIONS],
    ),
    Turn(
        "The three agree: the highest water of the month is on the 20th, and later up the harbour.",
        _written(
            "reports/tides.md",
            "# Highest water, November\n\n| station | metres | when |\n|---|---|---|\n"
            "| north mole | 5.83 | 20 November, 17:58 |\n"
            "| bar buoy | 5.00 | 20 November, 18:52 |\n"
            "| old lock | 5.73 | 20 November, 19:40 |\n",
        ),
    ),
    Turn("", _finished("5.83 m at the north mole on the 20th, 17:58: the highest of the three.")),
)  # fmt: skip

_HIGHEST = {
    "north-mole": "5.83 m on 20 November at 17:58.",
    "bar-buoy": "5.00 m on 20 November at 18:52.",
    "old-lock": "5.73 m on 20 November at 19:40.",
}

READER = (
    tuple(Turn("", _read(_table(name)), heard=f"Read {_table(name)}") for name in _STATIONS),
    tuple(
        Turn("", _finished(said), heard=f"Read {_table(name)}") for name, said in _HIGHEST.items()
    ),
)

HALCYON = "Halcyon; Petrel at quay 3"
PETREL = "Petrel; Halcyon anchors"
NEITHER = "neither, until both masters agree"

_PLAN = "# Thursday\n\n"
_PLANS = {
    HALCYON: "- quay 2: Halcyon, 05:10 to 17:30\n- quay 3: Petrel, 05:40 to Friday, 06:00\n",
    PETREL: "- quay 2: Petrel, 05:40 to Friday, 06:00\n- roads: Halcyon, at anchor\n",
    NEITHER: "- quay 2: kept free, until the masters of Halcyon and Petrel agree\n",
}
_REST = "- quay 5: Marigold, 09:00 to 15:00\n"

PLANNER = (
    Turn(
        "Who wants which quay on Thursday?",
        _read("berths/requests.csv", "berths/quays.md"),
    ),
    Turn(
        "Halcyon fits quay 2 only. Petrel wants it, too, and would fit quay 3. Both masters have "
        "our word, so this is not for me to decide.",
        [
            Call(
                "ask",
                {
                    "question": "Halcyon and Petrel both want quay 2 on Thursday. Who has it?",
                    "options": [HALCYON, PETREL, NEITHER],
                },
            )
        ],
    ),
    (
        *(
            Turn("So be it.", _written("berths/thursday.md", _PLAN + plan + _REST), heard=said)
            for said, plan in _PLANS.items()
        ),
        Turn(
            "I write it down as it was said.",
            _written("berths/thursday.md", _PLAN + "- quay 2: as the office was told\n" + _REST),
        ),
    ),
    Turn("", _finished("berths/thursday.md has the plan for Thursday.")),
)

_ROLES: dict[str, tuple[float, Sequence[Turn | tuple[Turn, ...]]]] = {
    "payments clerk": (1.0, PAYMENTS),
    "cleaner": (1.1, CLEANER),
    "scribe": (1.0, SCRIBE),
    "importer": (0.6, IMPORTER),
    "recorder": (0.9, RECORDER),
    "surveyor": (1.2, SURVEYOR),
    "reader": (2.0, READER),
    "berth planner": (1.4, PLANNER),
}
"""Who says what, and how slowly: nobody is to move in step with the others."""


def script_json(turn_s: float) -> str:
    """Return the script; a turn takes so long, more or less."""
    rules = [
        _rule(role, place, turn, turn_s * slowness)
        for role, (slowness, turns) in _ROLES.items()
        for place, choice in enumerate(turns)
        for turn in (choice if isinstance(choice, tuple) else (choice,))
    ]
    # Whoever is told something afterwards says at least that it was heard.
    calls = [{"tool": "finish", "arguments": {"answer": "Noted. Nothing else is left to do."}}]
    rules.append({"answer": {"calls": calls}, "times": None, "latency_us": int(turn_s * 1_000_000)})
    return json.dumps({"rules": rules}, indent=1)


def _rule(role: str, place: int, turn: Turn, latency_s: float) -> dict[str, object]:
    # What was heard tells the agent, too: no other hears it.
    words = turn.heard or f"You are the {role} "
    calls = [{"tool": call.tool, "arguments": call.arguments} for call in turn.calls]
    return {
        "when": {"anywhere": words, "turns": place},
        "answer": {
            "text": turn.text,
            "calls": calls,
            "cost_micros": int(turn.cents * _CENT_MICROS),
        },
        "times": None,
        "latency_us": int(latency_s * 1_000_000),
    }
