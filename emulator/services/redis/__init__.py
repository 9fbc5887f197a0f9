"""Memorystore for Redis: instances, their operations, what they bill."""
