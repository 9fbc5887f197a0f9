"""Cloud Storage: buckets and objects over the JSON API."""
