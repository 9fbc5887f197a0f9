"""The kinds of resource an inference fleet consists of."""
