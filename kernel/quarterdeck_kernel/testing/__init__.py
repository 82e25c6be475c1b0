"""What tests of the kernel need, shipped so that others can test their own adapters.

The store contract suite, a clock that a test sets, an injector of crashes, a stage for simulated
processes (`simulation`), a builder of real logs. Nothing here imports pytest, and nothing outside
tests may import this.
"""
