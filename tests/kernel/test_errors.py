"""The tree of errors: one root, messages for people, and names that handlers rely on."""

import inspect

import pytest

from quarterdeck_kernel import errors
from quarterdeck_kernel.errors import (
    AccountRefusedError,
    AlreadySettledError,
    ConflictError,
    IdempotencyKeyUsedError,
    InvalidError,
    NotFoundError,
    QuarterdeckError,
    RunExistsError,
    StoreError,
)

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_hangs_in_the_one_tree(kind: type[Exception]) -> None:
    assert issubclass(kind, QuarterdeckError)
    assert kind.__name__.endswith("Error")
    assert (kind.__doc__ or "").strip().endswith(".")


def test_the_families_do_not_overlap() -> None:
    families = (InvalidError, NotFoundError, ConflictError, StoreError)
    for kind in ALL:
        assert sum(issubclass(kind, family) for family in families) <= 1, kind


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (RunExistsError("taken", run_id="run-1"), "run_id"),
        (IdempotencyKeyUsedError("used", run_id="run-1"), "run_id"),
        (AlreadySettledError("settled", item_id="run-1"), "item_id"),
        (AccountRefusedError("full", account="run-1"), "account"),
    ],
)
def test_a_conflict_names_what_it_lost_to(error: ConflictError, named: str) -> None:
    assert getattr(error, named) == "run-1"
    assert str(error) in {"taken", "used", "settled", "full"}
