"""IAM: service accounts."""
