"""Cloud Logging: log buckets, sinks, log-based metrics, entries."""
