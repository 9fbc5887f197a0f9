"""The domain: profiles, resources, plans, capacity, cost. Pure: no I/O, no clock, no Prefect, no Google."""
