"""The themes of Quarterdeck, as data files read through `importlib.resources`.

Owns the files and nothing else: it imports neither the app nor the kernel.
"""

__all__: list[str] = []
