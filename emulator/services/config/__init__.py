"""Infrastructure Manager (config.googleapis.com)."""
