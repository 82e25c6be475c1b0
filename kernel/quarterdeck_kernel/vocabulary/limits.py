"""Every bound of the kernel, with its reason."""

from typing import Final

INLINE_PAYLOAD_BYTES: Final = 16 * 1024
"""A payload larger than this goes to the blob table: pages of events stay small to read."""

PAYLOAD_BYTES: Final = 64 * 1024 * 1024
"""No payload is larger: it must fit in memory several times over while it is hashed."""

HEADER_BYTES: Final = 2 * 1024 * 1024
"""Facts are small by design, but for one: a request that begins a conversation anew names the
digest of each of its messages, and there may be `CONTEXT_MESSAGES` of them. A header beyond this
means that content was put among the facts."""

BATCH_EVENTS: Final = 256
"""Events of one atomic batch: a turn with a hundred parallel calls fits twice."""

GROUP_EVENTS: Final = 256
"""Events that share one flush: beyond this a group gains nothing and delays its first member.
Times the columns of an appended row this stays below SQLite's bound of 32,766 parameters."""

GROUP_BYTES: Final = 4 * 1024 * 1024
"""Bytes that share one flush, so that one large batch does not hold up many small ones."""

PAGE_ROWS: Final = 1_000
"""Rows of one page of any listing: readers never hold a transaction, so a page is in memory."""

SNAPSHOT_EVERY: Final = 256
"""Events between snapshots: what a resume or a seek has to fold at the most."""

CONTEXT_MESSAGES: Final = 20_000
"""Messages of one model request; no window of today holds a tenth of it."""

RUN_EVENTS: Final = 2**32
"""Events of one run; a run of 500 events a second reaches it after 99 days."""

LEASE_TTL_US: Final = 15_000_000
"""How long a silent driver keeps its runs where its death cannot be noticed otherwise."""

STATE_TEXT_CHARS: Final = 500
"""Characters of an objective, title or reason that a state keeps: it is copied into every snapshot
and row; the whole stands in its event."""

OPEN_ITEMS: Final = 1_000
"""Pauses, intents, unknowns, unused messages, timers, children or grants open at once, each: they
are all in the state, and a person is to survey them."""

ALLOWED_CALLS: Final = 256
"""Approved or certified calls not made yet; beyond this the oldest is forgotten and asked again."""

TRACKED_THREADS: Final = 8
"""Conversation threads that a state can extend in place; the least recent one beyond this is
continued by a copy."""

TOOL_ARGUMENTS_BYTES: Final = 1024 * 1024
"""Arguments of one call: room for a file to be written, little enough to check between two frames
of a screen."""

TOOL_RESULT_BYTES: Final = PAYLOAD_BYTES // 2
"""A result larger than this is not kept: its outcome must have room for it beside other content."""

JSON_DEPTH: Final = 128
"""How deep arguments and results nest: readers give up at 200, and an event wraps what it holds."""

TOOL_THREADS: Final = 1_000
"""Calls of synchronous tools that run at once, with those nobody waits for any more: as many as
agents are meant to work at once. Threads that never return would otherwise fill the memory."""

PRINTED_CHARS: Final = 64 * 1024
"""Characters kept of what one call prints: enough to see how it went, and a loop fills nothing."""

PROBLEM_CHARS: Final = 2_000
"""Characters of a message about wrong arguments or results: a model pays for each of them."""

SKILL_CHARS: Final = 64 * 1024
"""Characters of a skill: its whole text becomes a part of the conversation."""

CALLS_PER_TURN: Final = 64
"""Calls of one answer that are made; the model is told of the others. Their intents, questions and
phases are one batch."""

AGENT_DEPTH: Final = 5
"""How deep sub-agents stand: beyond this nobody sees through who does what for whom."""

RESULT_SHARE: Final = 4
"""One tool's result takes at most one part in so many of the model's window; the whole stands in
its event."""

RESULT_CHARS: Final = 200_000
"""The same for a model whose window nobody knows: about a quarter of those most used."""

MEMORY_NOTES: Final = 200
"""Notes of an agent's core memory: all of them stand in every prompt."""

MEMORY_NOTE_CHARS: Final = 2_000
"""Characters of one note."""

MESSAGE_CHARS: Final = 100_000
"""Characters of what an operator says at once: it is paid for with every request behind it."""

NOTE_CHARS: Final = 2_000
"""Characters of a bookmark's note: it is shown beside the event, and what is longer is a file."""

BOOKMARKS: Final = 1_000
"""Bookmarks of one run: they are all listed at once, and a person is to survey them."""

COMPARED_STEPS: Final = 10_000
"""Steps of a run that are compared with another's: both lists are in memory side by side."""

LONGEST_WAIT_S: Final = 100 * 365 * 24 * 3600
"""How long an answer may be waited for: behind this a time would not fit where it is stored."""

LOOP_WINDOW: Final = 20
"""Tool calls in which a loop is looked for: BEHAVIOURS B3."""

BUDGET_WARNINGS: Final = 32
"""Warnings of budgets that a run remembers, so that each is given once: more than there are kinds,
scopes and periods of them."""

RECORDING_LINE_BYTES: Final = PAYLOAD_BYTES * 4 // 3 + 2 * HEADER_BYTES
"""A line of a recording: the largest blob as text, and what stands round it."""

RECORDING_BYTES: Final = 8 * 1024**3
"""What a recording unpacks to at the most: it lies on the disk twice while it is imported."""

RECORDING_RATIO: Final = 100
"""How many times its size a recording unpacks to. Every event has some hundred bytes of hashes and
salts that cannot be packed, so a log never comes near it; a file made to fill disks does."""

RECORDING_SLACK_BYTES: Final = 256 * 1024 * 1024
"""What may be unpacked at any ratio: blobs of one letter are packed a thousand times smaller."""

RECORDING_RUNS: Final = 10_000
"""Runs of one recording: its first line names all of them."""

RECORDING_NOTES: Final = 10_000
"""Notes and bookmarks of one recording: all of them are in memory until they are written."""
