"""Snapshots: a folded state at an event, so that a resume costs the tail and not the history."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The dumped state of a run behind event `seq`, whose hash was `hash`.

    It is only a short cut: one made by another fold version, or upon another event, is ignored.
    """

    run_id: str
    seq: int
    hash: bytes
    fold_version: int
    state: str
