"""Windows in force: what size each tier has at a moment, from the profile's own windows, its overrides and the capacity plan in force."""
