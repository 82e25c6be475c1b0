"""What a replay check hears of (`replay`), and who drives a run need not."""

from quarterdeck_kernel.engine.hooks import NO_HOOKS, Hooks


class Audience:
    """Hears of what code asks for, and does nothing about it."""

    hooks: Hooks = NO_HOOKS
    """Code of others that is asked and told of what is written: the kernel's."""

    horizon: int | None = None
    """How far the log is read. None: to its end, wherever that is by now."""

    def visit(self, step_key: str) -> None:
        """Hear that the code has come to a step, on record or not."""

    async def fresh(self, offered: str) -> None:
        """Hear of something that is not on record, or not to its end, and is about to be done."""
