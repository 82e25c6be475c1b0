"""Tell what happened under a seed of the real engine: `python -m tests.simulation.engine 4711`."""

import sys

from tests.simulation.engine.history import told

for seed in sys.argv[1:]:
    sys.stdout.write(f"{told(int(seed))}\n")
