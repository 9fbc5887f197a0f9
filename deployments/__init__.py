"""How the flows are deployed: work pool, limits, deployments, a worker. Can be run any number of times."""
