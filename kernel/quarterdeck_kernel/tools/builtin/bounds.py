"""Every bound of the built-in tools, with its reason."""

from typing import Final

FILE_BYTES: Final = 16 * 1024 * 1024
"""A file that is changed, or hashed while it is read, fits in memory several times over, and its
old content in a blob. Larger ones are read by the page, without a hash."""

PAGE_CHARS: Final = 50_000
"""Characters of one page of a file: some 12,000 tokens, a part of any window."""

PAGE_LINES: Final = 2_000
"""Lines of one page: what models are used to."""

SNIFFED_BYTES: Final = 8 * 1024
"""Bytes by which text is told from anything else, as git does."""

LISTED: Final = 500
"""Entries of one listing."""

WALKED: Final = 100_000
"""Entries looked at for one listing or search: seconds on a slow disk."""

WALK_DEPTH: Final = 64
"""Folders within folders; each one holds a file descriptor open."""

MATCHES: Final = 100
"""Lines that one search returns unless asked for others, and a tenth of the most."""

MATCH_CHARS: Final = 300
"""Characters shown of a line that matches: minified code has lines of megabytes."""

SEARCH_S: Final = 20.0
"""How long one search may take. A pattern can take for ever: it is cut off."""

PATTERN_CHARS: Final = 1_000
"""Characters of a pattern, so that compiling it is quick, too."""

DIFF_LINES: Final = 2_000
"""Lines on either side that are compared one by one: comparing takes their product in time."""

DIFF_CHARS: Final = 100_000
"""Characters of a diff that is shown. What is written stands in the arguments, whole."""

EDITS: Final = 100
"""Replacements of one call."""

LOCK_S: Final = 10.0
"""How long a change waits for another in the same folder."""

OUTPUT_CHARS: Final = 48_000
"""Characters kept of each stream of a command: half from its beginning, half from its end."""

COMMAND_CHARS: Final = 20_000
"""Characters of a command line: a person is to read it."""

COMMAND_S: Final = 600.0
"""The longest that a command may ask to run."""

BODY_BYTES: Final = 2 * 1024 * 1024
"""Bytes of one answer over HTTP; the rest is not fetched."""

BODY_CHARS: Final = 100_000
"""Characters of an answer that are handed on."""

REDIRECTS: Final = 5
"""Hops of one request."""

HTTP_S: Final = 30.0
"""How long one request may take in all, redirects included."""

ROWS: Final = 1_000
"""Rows that one query returns at the most."""

VALUE_CHARS: Final = 2_000
"""Characters of one value of a row."""

ROWS_CHARS: Final = 100_000
"""Characters of all rows together."""

SQL_S: Final = 20.0
"""How long a query may take."""

SQL_BUSY_S: Final = 5.0
"""How long a query waits for somebody else's lock."""

SQL_VALUE_BYTES: Final = 16 * 1024 * 1024
"""The longest text or blob that SQLite may make while it computes."""

STATEMENTS: Final = 100
"""Statements of one change."""

PLAN_ITEMS: Final = 100
"""Items of a plan: a person is to survey it."""
