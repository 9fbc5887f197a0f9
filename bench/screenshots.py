"""The pictures of docs/operations.md, from what the browser test saw: `make screenshots`. Small ones: fewer pixels, fewer colours."""

from __future__ import annotations

import sys

from PIL import Image

from cloud.home import PROJECT_ROOT, home

KEPT = ("approval", "run", "schedules", "budget", "proof-of-zero")
TARGET = PROJECT_ROOT / "docs" / "screenshots"
WIDTH, COLOURS, MOST_BYTES = 1000, 48, 150_000


def main() -> int:
    """Write each; 1 when the test has not left one or it stays too large."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        taken = home() / "screenshots" / f"{name}.png"
        if not taken.exists():
            print(f"{taken} is not there: the browser test makes it", file=sys.stderr)
            return 1
        with Image.open(taken) as picture:
            small = picture.convert("RGB").resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
        written = TARGET / f"{name}.png"
        small.quantize(COLOURS).save(written, optimize=True)
        if written.stat().st_size > MOST_BYTES:
            print(f"{written} has {written.stat().st_size:,} bytes, more than {MOST_BYTES:,}", file=sys.stderr)
            return 1
        print(f"{written.relative_to(PROJECT_ROOT)}   {written.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
