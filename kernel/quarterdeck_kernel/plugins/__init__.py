"""Plugins: installed packages that bring agents, tools and skills.

A package offers one as an entry point of the group `quarterdeck.plugins`, whose name is that of
the plugin and whose value is a module, or a list in one:

    [project.entry-points."quarterdeck.plugins"]
    harbour = "harbour_agents.deck"

Nothing of it is imported before `plugins = ["harbour"]` in quarterdeck.toml asks for it.
"""
