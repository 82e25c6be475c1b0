"""What `make bench` runs: `python tests/benchmarks/run.py [--quick] [--only NAME ...]`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The repository stands in for this folder, whose file names are nobody's modules.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from tests.benchmarks.suite import main

    sys.exit(main(sys.argv[1:]))
