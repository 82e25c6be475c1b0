"""The kernel's public names are a promise: they change only together with public_names.txt.

After a deliberate change:  python tests/architecture/test_public_names.py
(and a line in CHANGELOG.md).
"""

from pathlib import Path

import quarterdeck_kernel

PINNED = Path(__file__).with_name("public_names.txt")


def test_public_names_are_the_pinned_ones() -> None:
    pinned = PINNED.read_text(encoding="utf-8").split()
    assert sorted(quarterdeck_kernel.__all__) == pinned, (
        "the public names changed; if that is meant: python tests/architecture/test_public_names.py"
    )


def test_every_public_name_exists_once() -> None:
    names = quarterdeck_kernel.__all__
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(quarterdeck_kernel, name)] == []


if __name__ == "__main__":
    PINNED.write_text(
        "".join(f"{name}\n" for name in sorted(quarterdeck_kernel.__all__)), encoding="utf-8"
    )
