"""Accounts as rows: reading one, and giving it another limit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from quarterdeck_kernel.errors import AccountChangedError
from quarterdeck_kernel.store.account import Account

if TYPE_CHECKING:
    from quarterdeck_kernel.store.sqlite.writer import Writer


def account_of(row: Sequence[Any]) -> Account:
    """Return the account that a row holds."""
    account, spent, reserved, bound, bound_by, version = row
    return Account(
        account=account,
        spent=spent,
        reserved=reserved,
        limit=bound,
        limit_by=bound_by,
        version=version,
    )


async def set_limit(
    writer: "Writer", account: str, limit: int | None, *, version: int, spent: int, by: str | None
) -> Account:
    """Change a limit if the account is still at `version`."""
    rows = await writer.execute(
        "set_limit", account=account, bound=limit, bound_by=by, version=version, spent=spent
    )
    if not rows:
        raise AccountChangedError(
            f"the account {account!r} was changed meanwhile; read it and decide again"
        )
    return account_of((account, *rows[0]))
