"""One driver a kind of resource: how it is found, made, changed and deleted."""
