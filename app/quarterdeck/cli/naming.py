"""What people call runs, items of the inbox and grants, found: an id, or how one begins."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from quarterdeck.cli.ending import ExitCode, fail

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore
    from quarterdeck_kernel.vocabulary.rows import InboxRow

_NAMED = 5
"""So many are named where an id is the beginning of several."""


class Item(NamedTuple):
    """An item of the inbox, open or over: its run, and its id there."""

    run_id: str
    item_id: str

    @property
    def intent_seq(self) -> int | None:
        """Return the intent whose outcome is unknown, if that is what it is."""
        kind, _, number = self.item_id.partition(":")
        return int(number) if kind == "unknown" and number.isdecimal() else None


async def find_run(store: "EventStore", text: str) -> str:
    """Return the one run that is called so, or whose id begins so."""
    from quarterdeck_kernel.errors import RunNotFoundError

    try:
        return (await store.run(text)).run_id
    except RunNotFoundError:
        page = await store.heads(after=text, limit=_NAMED) if text else []
        found = [head.run_id for head in page if head.run_id.startswith(text)]
        if not found:
            raise
    return _only(text, found, "runs")


async def find_item(store: "EventStore", text: str) -> Item:
    """Return the item that is called so. One that is over is found by its whole id."""
    run, _, number = text.partition("/")
    if number.isdecimal():
        text = f"{run}/unknown:{number}"
    found = [
        row async for row in open_items(store)
        if row.item_id.startswith(text) or item_name(row).startswith(text)
    ]  # fmt: skip
    exact = [row for row in found if text in {row.item_id, item_name(row)}]
    if rows := exact or found:
        name = _only(text, [item_name(row) for row in rows], "items")
        row = next(row for row in rows if item_name(row) == name)
        return Item(row.run_id, row.item_id)
    return await _closed(store, text)


def item_name(row: "InboxRow") -> str:
    """Return the id of an item that no other run has."""
    return row.item_id if row.kind == "pause" else f"{row.run_id}/{row.item_id}"


async def open_items(store: "EventStore") -> "AsyncIterator[InboxRow]":
    """Yield all that waits for a person."""
    after: str | None = None
    while True:
        page = await store.inbox(after=after)
        for row in page.rows:
            yield row
        after = page.after
        if after is None:
            return


async def all_runs(store: "EventStore") -> AsyncIterator[str]:
    """Yield the ids of all runs."""
    after = ""
    while page := await store.heads(after=after):
        for head in page:
            yield head.run_id
        after = page[-1].run_id


async def _closed(store: "EventStore", text: str) -> Item:
    """Return an item that is over, so that who was first can be told; end the command if none."""
    async for run_id in all_runs(store):
        if await _wrote(store, run_id, "pause_requested", "pause_id", text):
            return Item(run_id, text)
    run, parted, item = text.partition("/")
    if parted:
        run_id = await find_run(store, run)
        if await _was_there(store, run_id, item):
            return Item(run_id, item)
    return _not_found(text)


async def _was_there(store: "EventStore", run_id: str, item_id: str) -> bool:
    from quarterdeck_kernel.engine.settled import settlement

    item = Item(run_id, item_id)
    if item.intent_seq is not None:
        open_now = (await store.projections(run_id)).inbox_opened
        if any(row.item_id == item_id for row in open_now):
            return True
        return await settlement(store, run_id, item_id) is not None
    return await _wrote(store, run_id, "pause_requested", "pause_id", item_id)


async def _wrote(store: "EventStore", run_id: str, kind: str, field: str, value: str) -> bool:
    """Tell whether a run itself wrote an event of a kind that names `value`."""
    from quarterdeck_kernel import open_record

    after = 0
    while page := await store.read(run_id, after=after, kinds=(kind,), payloads=False):
        for record in page:
            payload = open_record(record, facts_only=True).payload
            if record.run_id == run_id and getattr(payload, field, None) == value:
                return True
        after = page[-1].seq
    return False


async def find_grant(store: "EventStore", text: str) -> tuple[str, str]:
    """Return the run and the whole id of a grant; one that is revoked is found by its whole id."""
    from quarterdeck_kernel import state_at

    found: dict[str, str] = {}
    async for run_id in all_runs(store):
        if text and (await store.projections(run_id)).fleet.status in {"queued", "running"}:
            grants = (await state_at(store, run_id)).conditions.grants
            found |= {name: run_id for name in grants if name.startswith(text)}
    if found:
        grant_id = _only(text, [*found], "grants")
        return found[grant_id], grant_id
    async for run_id in all_runs(store):
        if await _wrote(store, run_id, "grant_given", "grant_id", text):
            return run_id, text
    return fail(
        f"there is no grant {_shown(text)}; `quarterdeck grants` lists those that stand",
        ExitCode.NOT_FOUND,
    )


def _not_found(text: str) -> NoReturn:
    """End the command: nothing that waited is called so."""
    fail(
        f"nothing that waits, or waited, is called {_shown(text)}; `quarterdeck inbox` lists "
        "what waits",
        ExitCode.NOT_FOUND,
    )


def _only(text: str, found: list[str], what: str) -> str:
    if len(found) == 1 or text in found:
        return text if text in found else found[0]
    named = ", ".join(found[:_NAMED])
    return fail(
        f"several {what} begin with {_shown(text)} ({named}); write more of it", ExitCode.USAGE
    )


def _shown(text: str) -> str:
    from quarterdeck.views.plain import plain

    return repr(plain(text[:140]))
