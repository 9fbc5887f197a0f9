"""Vertex AI: models, endpoints, what is deployed on them, and predictions through them."""
