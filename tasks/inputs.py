"""Read what a user wrote: profiles and price books, by name or by file."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

from cloud.home import PROJECT_ROOT, home
from ironwood.cost.pricebook import PriceBook, parse_price_book
from ironwood.errors import ProfileError
from ironwood.profile import Profile, parse_profile
from ironwood.profile_text import ProfileText

PROFILES = PROJECT_ROOT / "profiles"
PRICE_BOOKS = PROFILES / "pricebooks"


def load_profile(name: str) -> Profile:
    """The profile called `name` in `profiles/`, or the one in the file `name`.

    Raises ProfileError with file, line and key of each mistake.
    """
    path = _find(name, PROFILES, "profile")
    text, shown = _text(path), _shown(path)
    profile = _profile(text, shown, frozenset(os.environ.items()))
    if bundle := profile.google.ca_bundle:
        try:
            ssl.create_default_context(cafile=Path(bundle).expanduser())
        except OSError as error:  # ssl's own error is one too
            where = ProfileText.parse(text, source=shown).where(("google", "ca_bundle"))
            raise ProfileError(
                f"{where} {bundle} cannot be read as PEM: {error.strerror or error}; name a file with the authorities' certificates"
            ) from error
    return profile


def with_image(name: str, image: str) -> str:
    """The path of a copy of the profile `name` whose serving image is `image`, in the folder of local state; it keeps the profile's name."""
    original = _find(name, PROFILES, "profile")
    yaml = YAML()
    content = yaml.load(_text(original))
    content.setdefault("name", load_profile(name).name)
    content.setdefault("serving", {})["image"] = image
    copy = home() / f"with-image-{content['name']}.yaml"
    with copy.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
    return str(copy)


def load_price_book(name: str) -> PriceBook:
    """The price book called `name` in `profiles/pricebooks/`, or the one in the file `name`."""
    path = _find(name, PRICE_BOOKS, "price book")
    return _price_book(_text(path), _shown(path))


def save_price_book(book: PriceBook, path: Path) -> None:
    """Write `book` to a new file; raises ProfileError where it cannot be written."""
    content = book.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            YAML(typ="safe").dump(content, file)
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}; name a new file in a folder that exists") from error


# A look every quarter of an hour reads the same text several times over, and YAML is slow: what was parsed is kept by all that it was parsed from.
@lru_cache(maxsize=16)
def _profile(text: str, source: str, environment: frozenset[tuple[str, str]]) -> Profile:
    return parse_profile(text, source=source, environment=dict(environment))


@lru_cache(maxsize=16)
def _price_book(text: str, source: str) -> PriceBook:
    return parse_price_book(text, source=source)


def _find(name: str, folder: Path, what: str) -> Path:
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise ProfileError(f"{name}: there is no such file; give the path of a {what} or the name of one in {_shown(folder)}/")
        return path
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        raise ProfileError(f"no {what} is called '{name}'; {_shown(folder)}/ has {known}, or give the path of a file")
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ProfileError(f"{_shown(path)}:1 is not UTF-8 text; save it as UTF-8") from error


def _shown(path: Path) -> str:
    absolute = path.resolve()
    return str(absolute.relative_to(PROJECT_ROOT)) if absolute.is_relative_to(PROJECT_ROOT) else str(path)
