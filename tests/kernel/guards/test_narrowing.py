"""A child has at most its parent's capabilities."""

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel.guards.capability.narrowing import narrowed

SETS = st.frozensets(st.sampled_from("abcdef"))


@given(SETS, st.none() | SETS, st.none() | SETS)
def test_no_chain_of_children_ever_gains_one(
    parent: frozenset[str], child: frozenset[str] | None, grandchild: frozenset[str] | None
) -> None:
    first = narrowed(parent, child)
    second = narrowed(first, grandchild)
    assert second <= first <= parent
    assert child is None or first <= child


def test_what_both_have_is_kept() -> None:
    assert narrowed(frozenset("abc"), "bcd") == frozenset("bc")
    assert narrowed(frozenset("abc")) == frozenset("abc")
