"""The offline show behind `quarterdeck demo`: real work on real files, driven without a model.

It stands between the command line and the app because it does both: it plays the agents, in
processes of their own, and it opens the screen upon them. It goes once the engine drives agents.
"""
