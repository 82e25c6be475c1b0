"""The lines of keys: found for everything that the standard reader finds."""

import tomllib
from collections.abc import Iterator

import pytest

from quarterdeck_kernel.settings.toml_lines import Path, line_of, lines_of

TEXT = '''\
# [not.a.table]
first = "a # not a comment"   # [x]

[a.b]
c.d = 1
"e.f" = 'x = 1'
long = """
[no]
y = 1 \\""" x""""
raw = \'\'\'
[no]
\'\'\'\'
[[many]]
one = [
  1,  # comment ]
  { x = 1, y.z = [2, 3] },
  "a]b",

  [4],
]
[many.inside]
when = 1979-05-27 07:32:00
[[many.deeper]]
q = {}
[[many.deeper]]
q = -1.5e3
[[many]]
"t\\u0041b" = true
[many."in side"]
z = [ ]
'''


def paths(value: object, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(value, dict | list):
        for part in value if isinstance(value, dict) else range(len(value)):
            yield from paths(value[part], (*path, part))


def test_every_key_and_element_has_a_line_and_nothing_else_has() -> None:
    data, lines = tomllib.loads(TEXT), lines_of(TEXT)
    wanted = set(paths(data))
    # A table that only a header names, on its way down, has no line of its own.
    assert set(lines) <= wanted
    assert {path for path in wanted if path not in lines} == {("a",)}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("first",), 2),
        (("a", "b"), 4),
        (("a", "b", "c", "d"), 5),
        (("a", "b", "e.f"), 6),
        (("a", "b", "raw"), 10),
        (("many", 0), 13),
        (("many", 0, "one", 0), 15),
        (("many", 0, "one", 1, "y", "z", 1), 16),
        (("many", 0, "one", 3, 0), 19),
        (("many", 0, "inside", "when"), 22),
        (("many", 0, "deeper", 1, "q"), 26),
        (("many", 1, "tAb"), 28),
        (("many", 1, "in side", "z"), 30),
    ],
)
def test_a_key_stands_in_its_line(path: Path, line: int) -> None:
    assert lines_of(TEXT)[path] == line


def test_what_is_not_there_has_the_line_of_what_it_would_stand_in() -> None:
    lines = lines_of(TEXT)
    assert line_of(lines, ("many", 1, "no", "where")) == 27
    assert line_of(lines, ("nowhere",)) == 1
    assert lines_of("") == {}
    assert lines_of("# only this") == {}
