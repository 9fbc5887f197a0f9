"""The YAML text behind a profile: where each key stands, and how a validation error reads there.

Positions come from ruamel.yaml's round-trip loader; a key that is missing stands where its parent does.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ironwood import patterns
from ironwood.errors import ProfileError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]
Value = object

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PLAIN_TYPES = {
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "string_type": "is not text; put it in quotes",
    "tuple_type": "is not a list; write `[first, second]`",
    "mapping_type": "is not a mapping of keys to values",
    "dict_type": "is not a mapping of keys to values",
    "model_type": "is not a mapping of keys to values",
    "model_attributes_type": "is not a mapping of keys to values",
}
_NUMBERS = {"int_type", "float_type"}
_BOUNDS = {
    "greater_than_equal": ("ge", "is below the least allowed,"),
    "greater_than": ("gt", "is too little; write more than"),
    "less_than_equal": ("le", "is above the most allowed,"),
    "less_than": ("lt", "is too much; write less than"),
}


@dataclass(frozen=True, kw_only=True)
class ProfileText:
    """A parsed YAML mapping that still knows its file and lines."""

    source: str
    root: CommentedMap

    @classmethod
    def parse(cls, text: str, *, source: str) -> ProfileText:
        """The mapping in `text`; raises ProfileError with the line where the YAML breaks."""
        loader = YAML(typ="rt")
        try:
            root = loader.load(StringIO(text))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            told = str(error.problem or error.context)
            remedy = (
                "keep one of the two" if told.startswith("found duplicate key") else "close what is open there, or put the value in quotes"
            )
            raise ProfileError(f"{source}:{line} not valid YAML: {told}; {remedy}") from error
        except YAMLError as error:
            raise ProfileError(f"{source}:1 not valid YAML: {str(error).splitlines()[0]}") from error
        if not isinstance(root, CommentedMap):
            raise ProfileError(f"{source}:1 is not a mapping of keys to values; start with `project_id: …`")
        return cls(source=source, root=root)

    def line(self, path: Path) -> int:
        """The line (from 1) of the key at `path`, or of its nearest ancestor that stands in the file."""
        node: object = self.root
        line = 1
        for step in path:
            if isinstance(node, CommentedMap) and step in node:
                line = node.lc.key(step)[0] + 1
                node = node[step]
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                line = node.lc.item(step)[0] + 1
                node = node[step]
            else:
                break
        return line

    def where(self, path: Path) -> str:
        """`file:line key.key:`, the head of every error."""
        return f"{self.source}:{self.line(path)} {'.'.join(map(str, path))}:"

    def resolved(self, environment: Mapping[str, str]) -> dict[str, Value]:
        """Plain values, `${NAME}` replaced; raises ProfileError for a variable that is not set."""
        missing: list[str] = []

        def resolve(node: object, path: Path) -> Value:
            if isinstance(node, CommentedMap):
                return {str(key): resolve(value, (*path, str(key))) for key, value in node.items()}
            if isinstance(node, CommentedSeq):
                return [resolve(value, (*path, n)) for n, value in enumerate(node)]
            if isinstance(node, str):
                unset = [name for name in _VARIABLE.findall(node) if name not in environment]
                head = self.where(path)
                missing.extend(
                    f"{head} the environment variable {name} is not set; export {name}=… or write the value here" for name in unset
                )
                return _VARIABLE.sub(lambda match: environment.get(match[1], ""), str(node))
            return node

        values = {str(key): resolve(value, (str(key),)) for key, value in self.root.items()}
        if missing:
            raise ProfileError("\n".join(missing))
        return values

    def explain(self, error: ValidationError, model: type[BaseModel]) -> str:
        """One line for each mistake, in the order of the file."""
        details = error.errors(include_url=False)
        unknown = {_path(detail) for detail in details if "[key]" in detail["loc"]}
        # What is missing below a key that should not be there is noise.
        told = [
            detail for detail in details if not any(_path(detail)[: len(path)] == path and "[key]" not in detail["loc"] for path in unknown)
        ]
        return self.listing((_path(detail), _reason(detail, model)) for detail in told)

    def listing(self, findings: Iterable[tuple[Path, str]]) -> str:
        """One line a finding (its path and text), in the order of the file."""
        lines = sorted((self.line(path), f"{self.where(path)} {text}") for path, text in findings)
        return "\n".join(dict.fromkeys(text for _, text in lines))


def _path(detail: ErrorDetails) -> Path:
    return tuple(step for step in detail["loc"] if step != "[key]")


def _reason(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong and what would do, in the words of the profile rather than of the validator."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return f"is required; add `{detail['loc'][-1]}: …`"
    if kind == "extra_forbidden":
        return _unknown_key(str(detail["loc"][-1]), _known_keys(model, _path(detail)[:-1]))
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return f"{value!r} is not one of {expected}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"{value!r} {words} {context[bound]}"
    if kind == "string_pattern_mismatch":
        return f"{value!r} is not {patterns.WORDS[str(context['pattern'])]}"
    if kind == "string_too_short":
        return "is empty; write a value"
    if kind in _NUMBERS and isinstance(value, str) and value.isdigit():
        return f"{value!r} is text; take the quotes away"
    if kind == "value_error":
        return f"{_shown(value)} {context['error']}"
    if kind in _PLAIN_TYPES:
        return f"{value!r} {_PLAIN_TYPES[kind]}"
    return f"{value!r}: {detail['msg']}"


def _shown(value: object) -> str:
    return repr(str(value)) if isinstance(value, date) else repr(value)


def _unknown_key(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"is not a key here; did you mean '{near[0]}'?" if near else f"is not a key here; known are {', '.join(sorted(known))}"


def _known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys the section at `path` knows; the tiers' sections all know those of a tier."""
    section: type[BaseModel] = model
    for step in path:
        field = next((each for name, each in section.model_fields.items() if str(step) == (each.alias or name)), None)
        if field is None:
            continue
        inner = [t for t in (field.annotation, *getattr(field.annotation, "__args__", ())) if hasattr(t, "model_fields")]
        if inner:
            section = inner[0]
    return [field.alias or name for name, field in section.model_fields.items()]
