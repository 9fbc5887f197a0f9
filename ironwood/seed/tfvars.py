"""A terraform.tfvars: text -> variables, each with its line; python-hcl2 reads the language.

1. Only values stand in it: no blocks, no expressions, no variable twice. All mistakes are told at once, with file and line.
2. `null` is as good as absent, and text that is a number or a switch counts as one where that is wanted (both as Terraform has it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import hcl2
from hcl2.utils import SerializationOptions
from lark import Token, Tree
from lark.exceptions import LarkError, UnexpectedInput

from ironwood.errors import ProfileError

PLAIN = SerializationOptions(with_comments=False, strip_string_quotes=True, preserve_heredocs=False)
_EXPRESSION = re.compile(r"(?<!\$)\$\{|(?<!%)%\{")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """`name = value` on `line` (from 1); a value is text, a number, a switch, or a list or mapping of such."""

    name: str
    value: object
    line: int


@dataclass(frozen=True, kw_only=True)
class Tfvars:
    """The variables of the file `source`, by name, in its order."""

    source: str
    variables: Mapping[str, Variable]

    @classmethod
    def parse(cls, text: str, *, source: str) -> Tfvars:
        """The variables in `text`; raises ProfileError with the line of each mistake."""
        try:
            lines = list(_lines(hcl2.parses_to_tree(text)))
            values = hcl2.loads(text, serialization_options=PLAIN)
        except UnexpectedInput as error:
            line = min(max(error.line, 1), max(1, len(text.splitlines())))
            raise ProfileError(
                f"{source}:{line} is not valid here as Terraform reads it; write `name = value`, text in double quotes"
            ) from error
        except (LarkError, RecursionError, ValueError) as error:
            told = (str(error).splitlines() or [type(error).__name__])[0]
            raise ProfileError(f"{source}:1 cannot be read as Terraform's language: {told}; write `name = value`, one a line") from error
        mistakes = []
        variables: dict[str, Variable] = {}
        for kind, name, line in lines:
            if kind != "attribute":
                mistakes.append(
                    f"{source}:{line} {name}: is a block; a tfvars file holds only `name = value`, give this command the values, not the .tf files"
                )
            elif name in variables:
                mistakes.append(f"{source}:{line} {name}: stands on line {variables[name].line} already; keep one of the two")
            else:
                variables[name] = Variable(name=name, value=values[name], line=line)
        mistakes.extend(
            f"{source}:{each.line} {each.name}: is an expression; a tfvars file holds values, write what it comes to"
            for each in variables.values()
            if _has_expression(each.value)
        )
        if mistakes:
            raise ProfileError("\n".join(mistakes))
        return cls(source=source, variables={name: each for name, each in variables.items() if each.value is not None})


def _lines(tree: Tree[Token]) -> list[tuple[str, str, int]]:
    """What stands at the top level: what it is, its name, its line."""
    found = []
    for body in tree.children:
        for each in body.children if isinstance(body, Tree) else ():
            if isinstance(each, Tree) and each.data in {"attribute", "block"}:
                name = next(each.scan_values(lambda token: isinstance(token, Token)))
                found.append((str(each.data), str(name), int(name.line or 1)))
    return found


def _has_expression(value: object) -> bool:
    if isinstance(value, str):
        return bool(_EXPRESSION.search(value))
    if isinstance(value, Mapping):
        return any(map(_has_expression, value.values()))
    return isinstance(value, list) and any(map(_has_expression, value))
