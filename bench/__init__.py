"""Benchmarks, one file a figure. They print; nothing asserts on seconds."""
