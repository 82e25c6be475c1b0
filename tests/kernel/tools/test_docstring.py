"""Docstrings: the three customs there are, and none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel.tools.docstring import read_docstring

GOOGLE = """Pay an invoice.

    It is sent at once: no way back.

    Args:
        invoice (str): which one,
            by its number
        amount: how much: in cents

        note: for the books

    Returns:
        receipt: what came back

    Raises:
        OSError: no network
    """

NUMPY = """Pay an invoice.

    It is sent at once: no way back.

    Parameters
    ----------
    invoice : str
        which one,
        by its number
    amount
        how much: in cents
    note : str, optional
        for the books

    Returns
    -------
    receipt
        what came back
    """

REST = """Pay an invoice.

    It is sent at once: no way back.

    :param invoice: which one,
        by its number
    :param int amount: how much: in cents
    :type amount: int
    :param note: for the books
    :returns: what came back
    :raises OSError: no network
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_each_custom_says_the_same(text: str) -> None:
    said = read_docstring(text)
    assert said.description == "Pay an invoice.\n\nIt is sent at once: no way back."
    assert said.parameters == {
        "invoice": "which one, by its number",
        "amount": "how much: in cents",
        "note": "for the books",
    }


@pytest.mark.parametrize("text", [None, "", "   \n "])
def test_no_docstring_says_nothing(text: str | None) -> None:
    said = read_docstring(text)
    assert (said.description, said.parameters) == ("", {})


def test_a_text_without_custom_is_the_description() -> None:
    text = "Pay.\n\nNote: it costs.\n    indented: so\n\n- a list: kept"
    assert read_docstring(text).description == text


def test_numpy_names_may_share_a_line() -> None:
    said = read_docstring("Add.\n\nParameters\n----------\na, b : int\n    a number\n")
    assert said.parameters == {"a": "a number", "b": "a number"}


def test_a_google_section_ends_where_its_indent_does() -> None:
    said = read_docstring("Add.\n\nArgs:\n    a: one\n\nBeware.\n    b: no parameter\n")
    assert said.parameters == {"a": "one"}


@given(st.text(st.sampled_from("ab :-\n*()Args:Parameters----:param"), max_size=60))
def test_nothing_in_a_docstring_is_an_error(text: str) -> None:
    read_docstring(text)
