"""Import: a terraform.tfvars of the seed becomes a profile. Reads one file, writes at most one new one, asks no cloud."""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path

from flows.exit_codes import exit_code
from ironwood.errors import InputError
from ironwood.seed.profile import Imported, imported


def import_tfvars(tfvars: str, write: str = "") -> Imported:
    """Print the profile that a terraform.tfvars of the seed comes to, or write it to the new file `write`.

    What cannot work as it was is changed, and said above its key; what has no place in a profile is listed at its end. Every mistake is told with
    file, line and variable. Nothing is provisioned: read it, then `python -m flows.provision --profile FILE --dry-run`.
    """
    target = Path(write)
    if write and target.suffix not in {".yaml", ".yml"}:
        raise InputError(f"--write {write}: a profile is a YAML file; name it such as profiles/mine.yaml")
    if write and target.exists():
        raise InputError(f"--write {write}: there is such a file already; name another, profiles are never overwritten")
    name = target.stem.replace("_", "-") if write else "imported"
    made = imported(_text(tfvars), source=tfvars, name=name)
    if not write:
        sys.stdout.write(made.text)
        return made
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(made.text)
    except OSError as error:
        raise InputError(f"--write {write}: {error.strerror}; name a new file in a folder that exists") from error
    sys.stdout.write(
        f"{write}: {made.same} settings as they were, {len(made.changed)} changed, {len(made.left)} left out; the file says why.\n"
        f"next: python -m flows.provision --profile {write} --dry-run\n"
    )
    return made


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}:1 is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; give the path of a terraform.tfvars") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.import_tfvars",
        description=inspect.getdoc(import_tfvars),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tfvars", metavar="FILE", help="the terraform.tfvars")
    parser.add_argument("--write", default="", metavar="FILE", help="write the profile to this new file, such as profiles/mine.yaml")
    return parser


if __name__ == "__main__":
    given = _parser().parse_args()
    sys.exit(exit_code(lambda: import_tfvars(given.tfvars, given.write), stopped="stopped; nothing was written"))
