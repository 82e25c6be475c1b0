"""One value, one sequence of bytes."""

import json
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel.canonical import digest, encode
from quarterdeck_kernel.errors import NotCanonicalError

SURROGATES = st.characters(categories=["Cs"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=25,
)


def keys_in_order(text: str) -> list[list[str]]:
    found: list[list[str]] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found.append([key for key, _ in pairs])
        return dict(pairs)

    json.loads(text, object_pairs_hook=note)
    return found


@given(JSON)
def test_what_was_encoded_is_read_back(value: object) -> None:
    assert json.loads(encode(value)) == value


@given(JSON)
def test_encoding_again_gives_the_same_bytes(value: object) -> None:
    text = encode(value)
    assert encode(json.loads(text)) == text
    assert text.encode().decode() == text


@given(JSON)
def test_keys_stand_in_the_order_of_code_points(value: object) -> None:
    for keys in keys_in_order(encode(value)):
        assert keys == sorted(keys, key=lambda key: [ord(c) for c in key])


@given(st.dictionaries(st.text(), JSON, min_size=2, max_size=6), st.randoms())
def test_the_order_of_insertion_does_not_matter(value: dict[str, object], random: object) -> None:
    pairs = list(value.items())
    random.shuffle(pairs)  # type: ignore[attr-defined]
    assert encode(dict(pairs)) == encode(value)
    assert digest(dict(pairs)) == digest(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "x"]}, '{"a":[true,null,"x"],"b":1}'),
        # UTF-16 order, as JavaScript sorts, would put the emoji before U+FF00.
        ({"\U0001f600": 1, "\uff00": 2}, '{"\uff00":2,"\U0001f600":1}'),
        ({"B": 1, "a": 2, "A": 3}, '{"A":3,"B":1,"a":2}'),
        ("é \u2028 \x00 \x7f", '"é \u2028 \\u0000 \x7f"'),
        ((1, 2), "[1,2]"),
        (1.0, "1.0"),
        (1e16, "1e+16"),
        (2**70, "1180591620717411303424"),
        (Decimal("10.50"), '"10.50"'),
    ],
)
def test_bytes_that_must_never_change(value: object, text: str) -> None:
    assert encode(value) == text


def test_bytes_do_not_depend_on_the_process() -> None:
    value = {f"key{n}": {"é": n, "a": [n / 7]} for n in range(20)}
    code = (
        "from quarterdeck_kernel.canonical import digest\n"
        "print(digest({f'key{n}': {'\\u00e9': n, 'a': [n / 7]} for n in range(20)}))"
    )
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == digest(value)


def test_a_digest_is_taken_over_the_bytes() -> None:
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest(1) != digest("1")


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        {"a": [float("-inf")]},
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("sNaN"),
        b"bytes",
        {1, 2},
        object(),
        {(1, 2): 3},
        {1: 1, "1": 2},
        {"k": 1j},
    ],
)
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        encode(value)


@pytest.mark.parametrize("value", [{2: 0, 10: 0}, {True: 1}, {None: 1}, {1.5: 1}])
def test_keys_that_are_no_text_are_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        encode(value)


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(NotCanonicalError, match=r"nested|no canonical"):
        encode(deep)
    # Taken apart by hand: freeing it recursively is what some interpreters cannot do either.
    while deep:
        deep = deep.pop()  # type: ignore[assignment]


def test_what_contains_itself_is_refused() -> None:
    loop: dict[str, object] = {"text": "\ud800"}
    loop["again"] = [loop]
    with pytest.raises(NotCanonicalError):
        encode(loop)


@given(st.text(), SURROGATES, st.text())
def test_lone_surrogates_become_visible(before: str, lone: str, after: str) -> None:
    text = encode({"k": before + lone + after, before + lone: [lone]})
    assert json.loads(text.encode())["k"] == f"{before}<U+{ord(lone):04X}>{after}"
    assert f"<U+{ord(lone):04X}>" in text


def test_keys_that_would_become_one_are_refused() -> None:
    with pytest.raises(NotCanonicalError, match="rename"):
        encode({"\ud800": 1, "<U+D800>": 2})


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_its_digits(value: Decimal) -> None:
    assert Decimal(json.loads(encode(value))) == value
