"""Cloud Quotas: what a project may have of a service's resources."""
