"""The terminal application and the command line of Quarterdeck, over its kernel.

Owns what people see and press. Must not write events or hold state of its own: it shows what the
kernel folded, and asks the kernel for everything else.
"""

__all__: list[str] = []
