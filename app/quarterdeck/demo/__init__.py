"""The offline show behind `quarterdeck demo`: seven agents of a harbour office, on real files.

It stands between the command line and the app because it does both: it starts the process that
drives the agents, and kills it once, and it opens the screen upon them. The agents, their tools and
what their model says lie in `harbour` and `script`: a workspace as users have theirs.
"""
