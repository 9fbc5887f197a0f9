"""The wire: routes and types derived from Google's own packages, the fronts that render answers and errors."""
