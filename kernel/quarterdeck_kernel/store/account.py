"""Accounts: what was spent and reserved against a limit that several runs share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account, such as `tenant:acme/2026-11/micros`; the unit is part of its name.

    `limit_by` is who changed the limit last; None is whoever wrote the configuration.
    `version` counts changes, for compare-and-set of the limit. Version 0: no such row yet.
    """

    account: str
    spent: int = 0
    reserved: int = 0
    limit: int | None = None
    limit_by: str | None = None
    version: int = 0
