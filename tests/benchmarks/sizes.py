"""How much is measured: in full, or just enough to see that every figure comes out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The numbers behind the figures."""

    append_rounds: int
    appends_a_round: int
    group_rounds: int
    runs_at_once: int
    appends_a_run: int
    cpu_rounds: int
    long_run_events: int
    fold_rounds: int
    seeks: int
    verify_rounds: int
    conversation_turns: int
    fleet_runs: int
    fleet_pages: int
    imports: int
    steady_lengths: tuple[int, ...]
    steady_rounds: int
    agents_at_once: int
    screen_runs: int
    screen_starts: int
    screen_events: int
    screen_short_events: int
    screen_live_s: int
    screen_keys: int
    screen_inbox: int
    screen_settles_s: float


FULL = Sizes(
    append_rounds=40,
    appends_a_round=40,
    group_rounds=8,
    runs_at_once=64,
    appends_a_run=32,
    cpu_rounds=40,
    long_run_events=100_000,
    fold_rounds=2,
    seeks=50,
    verify_rounds=4,
    conversation_turns=500,
    fleet_runs=10_000,
    fleet_pages=50,
    imports=9,
    steady_lengths=(100, 10_000),
    steady_rounds=40,
    agents_at_once=1_000,
    screen_runs=1_000,
    screen_starts=3,
    screen_events=100_000,
    screen_short_events=1_000,
    screen_live_s=15,
    screen_keys=60,
    screen_inbox=500,
    screen_settles_s=10.0,
)

QUICK = Sizes(
    append_rounds=2,
    appends_a_round=4,
    group_rounds=1,
    runs_at_once=8,
    appends_a_run=4,
    cpu_rounds=1,
    long_run_events=1_000,
    fold_rounds=1,
    seeks=5,
    verify_rounds=1,
    conversation_turns=10,
    fleet_runs=300,
    fleet_pages=3,
    imports=1,
    steady_lengths=(100, 300),
    steady_rounds=2,
    agents_at_once=20,
    screen_runs=20,
    screen_starts=1,
    screen_events=400,
    screen_short_events=100,
    screen_live_s=1,
    screen_keys=3,
    screen_inbox=5,
    screen_settles_s=0.2,
)
