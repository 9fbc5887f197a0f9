"""Prefect tasks: the observable, retryable steps that flows are made of."""
