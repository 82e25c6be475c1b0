"""Which blobs an event names: its content, and what a file held before and after a change."""

from pydantic_core import from_json

from quarterdeck_kernel.events.record import Record, blob_ref


def named_blobs(record: Record) -> list[str]:
    """Return the blobs that an event names; one whose content was erased names none."""
    if record.payload is None:
        return []
    named = [blob_ref(record.payload)]
    if record.kind == "artifact_written":
        facts = from_json(record.header)["facts"]
        named += [facts.get("before"), facts.get("after")]
    return [ref for ref in named if isinstance(ref, str)]
