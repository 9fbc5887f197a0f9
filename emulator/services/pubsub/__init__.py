"""Pub/Sub: topics, pull subscriptions, messages."""
