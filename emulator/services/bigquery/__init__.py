"""BigQuery: datasets, tables, rows, and queries that are really run over them."""
