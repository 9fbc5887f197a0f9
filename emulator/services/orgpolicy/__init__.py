"""Organisation policies of the project."""
