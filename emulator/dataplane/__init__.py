"""The data path: forwarding rules that listen, routing, health, and the simulated model servers behind."""
