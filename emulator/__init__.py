"""The embedded Google Cloud: one process that answers as Google Cloud does, with its own store, clock, prices, quotas, faults and bill."""
