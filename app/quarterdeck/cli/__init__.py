"""The command line: `quarterdeck`, or `qd` for short. A family of commands a file."""

from quarterdeck.cli.ending import ExitCode
from quarterdeck.cli.main import main

__all__ = ["ExitCode", "main"]
