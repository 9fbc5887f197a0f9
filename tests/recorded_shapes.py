"""How an answer differs from a recorded one: keys and types of successful bodies, the envelope of errors. And how many of all recorded answers were met."""

from pathlib import Path

RECORDED = Path(__file__).parent / "data" / "recorded"
REPLAYED: dict[str, tuple[int, int]] = {}
"""Recordings this test session has replayed: file's stem -> (exchanges matched, exchanges recorded)."""


def replayed(recording: Path, unmatched: list[tuple[str, list[str]]], total: int) -> None:
    """Note what became of a recording, print it, and fail on what was not answered alike; `unmatched` are (exchange, differences)."""
    REPLAYED[recording.stem] = (total - len(unmatched), total)
    told = [
        f"{recording.stem}: {total - len(unmatched)} / {total} exchanges matched",
        *(f"  {what}: {'; '.join(how)}" for what, how in unmatched),
    ]
    print("\n".join(told))
    assert not unmatched, "\n".join(told)


def summary() -> str:
    """Matched / total over everything recorded, and which recordings this session did not replay."""
    recordings = {each.stem for each in RECORDED.rglob("*") if each.suffix in {".jsonl", ".log"}}
    matched, total = (sum(pair[index] for pair in REPLAYED.values()) for index in (0, 1))
    left = sorted(recordings - REPLAYED.keys())
    return f"recorded Google Cloud traffic: {matched} / {total} exchanges matched in {len(REPLAYED)} of {len(recordings)} recordings, " + (
        f"not replayed: {', '.join(left)}" if left else "none skipped"
    )


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
