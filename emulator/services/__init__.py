"""The emulated APIs, one folder each; a resource kind with nothing special is a row in its API's table."""
