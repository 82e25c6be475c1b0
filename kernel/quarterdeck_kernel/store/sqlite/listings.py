"""The fleet and the inbox, page by page.

The order of need is kept by an index, except for one thing that no event says: whether anybody
drives a running run. So a listing by need goes through five segments, each one range of an index:
what presses, the adrift, the held, the driven, the rest.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.store.listing import FleetFilter, FleetPage, InboxPage, Page
from quarterdeck_kernel.store.sqlite.reader import Reader, page_cursor
from quarterdeck_kernel.store.sqlite.stored_rows import path_of, rows_of
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS
from quarterdeck_kernel.vocabulary.rows import FleetRow, InboxRow
from quarterdeck_kernel.vocabulary.words import NeedRank

_DRIVEN = "holder IN (SELECT value FROM json_each(:live))"
_ADRIFT = f"ifnull(NOT {_DRIVEN}, true)"
# What is damaged is handed on as it stands, for who reads it to say so.
_ROW = (
    f"CASE WHEN rank = {NeedRank.RUNNING} AND {_ADRIFT} AND json_valid(fleet) "
    f"THEN json_set(fleet, '{path_of(FleetRow, 'need')}', 'adrift', "
    f"'{path_of(FleetRow, 'rank')}', {NeedRank.ADRIFT}) ELSE fleet END"
)
_KEYS = ("k1", "k2", "k3")
_START = [-(2**63), -(2**63), -(2**63)]


class _Segment(NamedTuple):
    """A range of the order: its ranks, a condition more, its sort keys, its direction."""

    ranks: frozenset[int]
    keys: tuple[str, str, str]
    where: str = "true"
    descending: bool = False


_BY_NEED = ("rank", "sort_us", "run_no")
_AMONG_RUNNING = ("0", "sort_us", "run_no")
_ALL = frozenset(NeedRank)
_RUNNING = frozenset({NeedRank.RUNNING})
_ORDERS: dict[str, tuple[_Segment, ...]] = {
    "need": (
        _Segment(frozenset(rank for rank in _ALL if rank < NeedRank.ADRIFT), _BY_NEED),
        _Segment(_RUNNING, _AMONG_RUNNING, _ADRIFT),
        _Segment(frozenset({NeedRank.HELD}), _BY_NEED),
        _Segment(_RUNNING, _AMONG_RUNNING, _DRIVEN),
        _Segment(frozenset(rank for rank in _ALL if rank > NeedRank.RUNNING), _BY_NEED),
    ),
    "newest": (_Segment(_ALL, ("0", "0", "run_no"), descending=True),),
    "cost": (_Segment(_ALL, ("0", "cost_micros", "run_no"), descending=True),),
}


def _cursor(after: str | None, kinds: Sequence[type]) -> list[Any]:
    if after is None:
        return []
    try:
        parts = json.loads(after)
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds):
        raise InvalidError(f"{after!r} is not a cursor of this listing; begin with the first page")
    return parts


def _conditions(where: FleetFilter) -> tuple[list[str], dict[str, object]]:
    conditions: list[str] = []
    values: dict[str, object] = {}
    if where.tenant is not None:
        conditions.append("tenant = :tenant")
        values["tenant"] = where.tenant
    if where.min_cost_micros is not None:
        conditions.append("cost_micros >= :min_cost")
        values["min_cost"] = where.min_cost_micros
    for name in ("agent", "person", "parent_run_id"):
        value = getattr(where, name)
        if value is not None:
            conditions.append(f"{_stored(name)} = :{name}")
            values[name] = value
    if where.text is not None:
        # SQLite's own `lower` is quick, and knows the letters of ASCII only.
        fold = "lower" if where.text.isascii() else "casefold"
        places = ("run_id", _stored("agent"), _stored("objective"))
        conditions.append(f"({' OR '.join(f'instr({fold}({p}), :text)' for p in places)})")
        values["text"] = where.text.casefold()
    return conditions, values


def _need_condition(where: FleetFilter, segment: _Segment) -> str | None:
    """Return what the wanted words mean within a segment; None: nothing of it is wanted.

    A failure keeps its word when it is acknowledged, and stands among the done.
    """
    if where.needs is None:
        return f"rank IN ({_listed(segment.ranks)})"
    wanted = {rank for rank in _ALL if rank.name.lower() in where.needs} - {NeedRank.ADRIFT}
    if where.needs & {"failed", "timed_out"}:
        wanted.add(NeedRank.DONE)
    either: list[str] = []
    if ranks := (wanted - _RUNNING) & segment.ranks:
        words = ", ".join(f"'{word}'" for word in sorted(where.needs))
        either.append(f"(rank IN ({_listed(ranks)}) AND {_stored('need')} IN ({words}))")
    if NeedRank.RUNNING in segment.ranks:
        if "adrift" in where.needs:
            either.append(f"(rank = {NeedRank.RUNNING} AND {_ADRIFT})")
        if "running" in where.needs:
            either.append(f"(rank = {NeedRank.RUNNING} AND {_DRIVEN})")
    return f"({' OR '.join(either)})" if either else None


def _stored(name: str) -> str:
    return f"json_extract(fleet, '{path_of(FleetRow, name)}')"


def _listed(ranks: Iterable[int]) -> str:
    return ", ".join(str(int(rank)) for rank in sorted(ranks))


async def fleet_page(
    reader: Reader, where: FleetFilter, live: list[str], *, after: str | None, limit: int
) -> FleetPage:
    """Return a page of runs; `live` names the holders that live."""
    limit = max(1, min(limit, PAGE_ROWS))
    segments = _ORDERS[where.order]
    first, *keys = _cursor(after, (int, int, int, int)) or [0, *_start(segments[0])]
    conditions, values = _conditions(where)
    values["live"] = encode(live)
    wanted: list[str] = []
    for number, segment in enumerate(segments):
        needed = _need_condition(where, segment)
        if number < first or needed is None:
            continue
        start = keys if number == first else _start(segment)
        values |= {f"{key}_{number}": part for key, part in zip(_KEYS, start, strict=True)}
        wanted.append(_segment_sql(number, segment, [segment.where, needed, *conditions]))
    found: list[tuple[Any, ...]] = []
    if wanted:
        # One statement, which stops as soon as the segments so far have filled the page.
        sql = f"{' UNION ALL '.join(wanted)} LIMIT :limit"
        found = await reader.fetch_text(sql, {**values, "limit": limit + 1})
    page = found[:limit]
    cursor = page_cursor(*page[-1][:4]) if len(found) > limit else None
    with reader.rebuildable():
        rows = rows_of(FleetRow, [row[4] for row in page])
    return Page(tuple(rows), cursor)


def _start(segment: _Segment) -> list[int]:
    return [-part - 1 for part in _START] if segment.descending else list(_START)


def _segment_sql(number: int, segment: _Segment, conditions: list[str]) -> str:
    first, second, third = segment.keys
    comparison, direction = ("<", " DESC") if segment.descending else (">", "")
    order = ", ".join(f"{key}{direction}" for key in segment.keys if key != "0")
    start = ", ".join(f":{key}_{number}" for key in _KEYS)
    return (
        f"SELECT * FROM (SELECT {number}, {first}, {second}, {third}, {_ROW} FROM runs"  # noqa: S608 - every piece is a constant of this module
        f" WHERE ({first}, {second}, {third}) {comparison} ({start})"
        f" AND fleet IS NOT NULL AND {' AND '.join(conditions)}"
        f" ORDER BY {order} LIMIT :limit)"
    )


async def inbox_page(
    reader: Reader, *, tenant: str | None, after: str | None, limit: int
) -> InboxPage:
    """Return a page of what waits."""
    limit = max(1, min(limit, PAGE_ROWS))
    start = _cursor(after, (int, int, int, str)) or [*_START, ""]
    names = ("deadline_us", "since_us", "run_no", "item_id")
    rows = await reader.fetch(
        "inbox", **dict(zip(names, start, strict=True)), tenant=tenant, limit=limit + 1
    )
    page = rows[:limit]
    cursor = page_cursor(*page[-1][1:5]) if len(rows) > limit else None
    with reader.rebuildable():
        return Page(tuple(rows_of(InboxRow, [row[5] for row in page])), cursor)
