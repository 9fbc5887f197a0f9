"""The Logging query language, as far as it is understood; the rest is a 400 that says so.

``FIELD OP VALUE`` with ``= != > >= < <= : =~ !~``, ``LOG_ID("x")``, ``AND``, ``OR``, ``NOT``/``-`` and brackets; terms side by side are ANDed.
NOT binds closest, then OR, then AND [documented]. ``:`` is substring, case ignored, and ``FIELD:*`` asks whether the field is there.
"""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable
from typing import Any

from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.times import parse

Json = dict[str, Any]
Test = Callable[[Json], bool]
documented("log-filter", "In a log filter NOT binds closest, then OR, then AND; terms side by side are ANDed.")
assumed(
    "log-filter-subset", "Log filters: comparisons, LOG_ID, AND, OR, NOT, brackets; bare search words and functions are refused with 400."
)

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
FIELDS = {"logName", "resource", "labels", "severity", "timestamp", "receiveTimestamp", "insertId", "jsonPayload", "textPayload",
          "protoPayload", "httpRequest", "trace", "spanId", "operation", "sourceLocation"}  # fmt: skip
INSTANTS = {"timestamp", "receiveTimestamp"}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operators.eq, "!=": operators.ne, ">": operators.gt, ">=": operators.ge, "<": operators.lt, "<=": operators.le,
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<comment>--[^\n]*)|(?P<string>\"(?:[^\"\\]|\\.)*\")|(?P<operator>=~|!~|!=|>=|<=|=|>|<|:)|(?P<bracket>[()])|(?P<minus>-(?=[A-Za-z(\"]))|(?P<word>[^\s()=!<>:~\"]+))"
)


def matcher(text: str) -> Test:
    """A test of entries; raises ApiError 400 for what is not understood."""
    tokens = _tokens(text)
    if not tokens:
        return lambda _: True
    parser = _Parser(tokens)
    test = parser.conjunction()
    if parser.left():
        raise _unparseable(f"unexpected {parser.left()[0][1]!r}")
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _unparseable(f"cannot read {text[position : position + 20]!r}")
        if match.lastgroup != "comment":
            out.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return out


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def left(self) -> list[tuple[str, str]]:
        return self._tokens[self._at :]

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def conjunction(self) -> Test:
        tests = [self.disjunction()]
        while self._peek() not in {("end", ""), ("bracket", ")")}:
            if self._peek() == ("word", "AND"):
                self._next()
            tests.append(self.disjunction())
        return lambda entry: all(test(entry) for test in tests)

    def disjunction(self) -> Test:
        tests = [self.negation()]
        while self._peek() == ("word", "OR"):
            self._next()
            tests.append(self.negation())
        return lambda entry: any(test(entry) for test in tests)

    def negation(self) -> Test:
        if self._peek() == ("word", "NOT") or self._peek()[0] == "minus":
            self._next()
            test = self.negation()
            return lambda entry: not test(entry)
        return self.term()

    def term(self) -> Test:
        kind, text = self._next()
        if (kind, text) == ("bracket", "("):
            test = self.conjunction()
            if self._next() != ("bracket", ")"):
                raise _unparseable("a bracket is not closed")
            return test
        if (kind, text) == ("word", "LOG_ID"):
            return self._log_id()
        if kind not in {"word", "string"} or self._peek()[0] != "operator":
            raise _unparseable(f"{text!r} is no comparison; searching for bare words is not emulated")
        operator = self._next()[1]
        path = [part.strip('"') for part in re.findall(r'"[^"]*"|[^.]+', text)]
        if path[0] not in FIELDS:
            raise _unparseable(f"Field not found: {text!r}")
        if self._peek() == ("bracket", "("):
            return self._any_of(path, operator)
        return comparison(path, operator, self._value())

    def _any_of(self, path: list[str], operator: str) -> Test:
        self._next()
        values = [self._value()]
        while (joined := self._next()) in {("word", "OR"), ("word", "AND")}:
            if joined[1] == "AND":
                raise _unparseable("only values joined by OR are understood in a field's brackets")
            values.append(self._value())
        if joined != ("bracket", ")"):
            raise _unparseable("a bracket is not closed")
        tests = [comparison(path, operator, value) for value in values]
        return lambda entry: any(test(entry) for test in tests)

    def _value(self) -> str:
        kind, text = self._next()
        if kind == "minus":
            return "-" + self._value()
        if kind not in {"word", "string"}:
            raise _unparseable(f"a value was expected before {text!r}")
        # an unquoted timestamp has colons in it, which are operators elsewhere
        while kind == "word" and re.search(r"\dT?\d$", text) and self._peek() == ("operator", ":"):
            self._next()
            text += ":" + self._next()[1]
        return re.sub(r"\\(.)", r"\1", text[1:-1]) if kind == "string" else text

    def _log_id(self) -> Test:
        if self._next() != ("bracket", "("):
            raise _unparseable("LOG_ID needs a bracket")
        wanted = self._value()
        if self._next() != ("bracket", ")"):
            raise _unparseable("LOG_ID takes one value")
        return lambda entry: str(entry.get("logName", "")).partition("/logs/")[2].replace("%2F", "/") == wanted.replace("%2F", "/")


def comparison(path: list[str], operator: str, value: str) -> Test:
    """The test of one comparison."""
    if operator in {"=~", "!~"}:
        try:
            pattern = re.compile(value)
        except re.error as error:
            raise _unparseable(f"{value!r} is no regular expression: {error}") from None
        return lambda entry: _seen(entry, path, lambda found: pattern.search(found) is not None) == (operator == "=~")
    if operator == ":":
        return lambda entry: _seen(entry, path, lambda found: value == "*" or value.casefold() in found.casefold())
    key = _key(path, value)
    wanted = key(value)

    def test(entry: Json) -> bool:
        found = lookup(entry, path)
        if found is None:
            return operator == "!="
        try:
            own = key(str(found).lower() if isinstance(found, bool) else str(found))
        except (ValueError, KeyError):
            return operator == "!="
        return bool(COMPARE[operator](own, wanted))

    return test


def _key(path: list[str], value: str) -> Callable[[str], Any]:
    """How values of a field compare: instants, severities, numbers, else text without case."""
    if path[0] in INSTANTS:
        try:
            parse(value)
        except ValueError as error:
            raise _unparseable(f"{value!r} is no timestamp: {error}") from None
        return parse
    if path == ["severity"]:
        if value.upper() not in SEVERITIES:
            raise _unparseable(f"{value!r} is no severity")
        return lambda text: SEVERITIES.index(text.upper())
    if re.fullmatch(r"-?\d+(\.\d+)?", value) and path[0] == "jsonPayload":
        return float
    return str.casefold


def lookup(entry: Json, path: list[str]) -> Any:
    """What an entry has at a path, or None."""
    found: Any = entry
    for index, part in enumerate(path):
        if isinstance(found, dict) and part not in found and ".".join(path[index:]) in found:
            return found[".".join(path[index:])]  # a label's key may have dots in it
        found = found.get(part) if isinstance(found, dict) else None
    return "DEFAULT" if found is None and path == ["severity"] else found


def _seen(entry: Json, path: list[str], test: Callable[[str], bool]) -> bool:
    found = lookup(entry, path)
    return found is not None and test(str(found))


def _unparseable(why: str) -> ApiError:
    return ApiError(400, f"Unparseable filter: {why}")
