"""The supervisor: drives the runs of a workspace's agents, as many at once as it may."""
