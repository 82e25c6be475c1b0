"""Why a batch was refused: the sentence and the error for what its fences saw."""

from typing import Any

from quarterdeck_kernel.errors import (
    AccountRefusedError,
    AlreadySettledError,
    ConflictError,
    HeadMovedError,
    IdempotencyKeyUsedError,
    LeaseLostError,
    NotFoundError,
    RunExistsError,
    RunNotFoundError,
)
from quarterdeck_kernel.store.batch import Batch, Creation, Driver, Unleased


def refusal_of(batch: Batch, found: tuple[Any, ...]) -> ConflictError | NotFoundError:
    """Return the error for a refused batch, from the row of the query `why_refused`.

    The row was read after the refusal, so things may have moved on; then what is left is that
    the head moved, which makes the writer look again.
    """
    seq, head_hash, epoch, holder, keyed_run_id, stands, account = found
    run_id, authority = batch.run_id, batch.authority
    if isinstance(authority, Creation):
        return _creation_refusal(
            batch, authority, seq=seq, keyed_run_id=keyed_run_id, account=account
        )
    if seq is None:
        return RunNotFoundError(f"there is no run {run_id!r} in this workspace")
    if isinstance(authority, Driver) and authority.epoch != epoch:
        return LeaseLostError(
            f"run {run_id!r} is driven by {holder or 'nobody'!r} under epoch {epoch}, not "
            f"{authority.epoch}: stop driving it"
        )
    if isinstance(authority, Unleased) and authority.stands is not None and not stands:
        return AlreadySettledError(
            f"{authority.stands!r} of run {run_id!r} is not open any more; see who settled it",
            item_id=authority.stands,
        )
    expected = batch.expected
    if expected is None or (seq, head_hash) != (expected.seq, expected.hash):
        return HeadMovedError(
            f"run {run_id!r} ends at #{seq}, not at the #{expected.seq if expected else 0} this "
            "was decided upon: read what is new and decide again"
        )
    if account is not None:
        return _account_refusal(account)
    return HeadMovedError(f"run {run_id!r} was changed meanwhile: read it and decide again")


def _creation_refusal(
    batch: Batch,
    authority: Creation,
    *,
    seq: int | None,
    keyed_run_id: str | None,
    account: str | None,
) -> ConflictError | NotFoundError:
    # Before the id: who starts again under its key and its own id is told of the run it made.
    if keyed_run_id is not None:
        return IdempotencyKeyUsedError(
            f"the key {authority.idempotency_key!r} made run {keyed_run_id!r} before",
            run_id=keyed_run_id,
        )
    if seq is not None:
        return RunExistsError(
            f"the run id {batch.run_id!r} is taken; choose another, or load that run",
            run_id=batch.run_id,
        )
    if account is not None:
        return _account_refusal(account)
    parent = authority.parent
    if parent is not None:
        return RunNotFoundError(
            f"tenant {authority.tenant!r} has no run {parent.run_id!r} with that event "
            f"#{parent.seq} to fork from"
        )
    return ConflictError(f"run {batch.run_id!r} could not be created; try again")


def _account_refusal(account: str) -> AccountRefusedError:
    return AccountRefusedError(
        f"the account {account!r} has no room for this; raise its limit or wait for "
        "reservations to be settled",
        account=account,
    )
