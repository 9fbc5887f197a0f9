"""What an operator runs. Every flow is a Prefect deployment and a command: `python -m flows.NAME --help`."""
