"""How an answer differs from a recorded one: keys and types of successful bodies, the envelope of errors."""


def shape_differences(expected, found, where="$"):
    if type(expected) is not type(found) and not (isinstance(expected, int | float) and isinstance(found, int | float)):
        yield f"{where}: {type(expected).__name__} recorded, {type(found).__name__} here"
    elif isinstance(expected, dict):
        for key in sorted(expected.keys() ^ found.keys()):
            yield f"{where}.{key}: only {'recorded' if key in expected else 'here'}"
        for key in sorted(expected.keys() & found.keys()):
            yield from shape_differences(expected[key], found[key], f"{where}.{key}")
    elif isinstance(expected, list):
        if bool(expected) != bool(found):
            yield f"{where}: {len(expected)} items recorded, {len(found)} here"
        elif expected:
            yield from shape_differences(expected[0], found[0], f"{where}[0]")


def error_differences(status, body):
    error = body.get("error", {})
    if set(error) != {"code", "message", "errors"}:
        yield f"error keys are {sorted(error)}"
    elif error["code"] != status or set(error["errors"][0]) != {"message", "domain", "reason"}:
        yield f"error envelope is {error}"
