"""Column types: what a value may look like when it is written, how it is kept, how an answer shows it, and what it is to DuckDB.

1. A value is kept canonical: integers as numbers, NUMERIC as decimal text, TIMESTAMP as RFC 3339 in UTC, RECORD as an object by field name.
2. In answers every scalar is text; a TIMESTAMP is microseconds since 1970 where the client asks for them, else seconds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from emulator.rules import assumed, documented
from emulator.services.bigquery.names import invalid
from emulator.times import SECOND, parse, utc

Json = dict[str, Any]
NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD", "DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC"}
DUCK = {
    "STRING": "VARCHAR", "BYTES": "BLOB", "INTEGER": "BIGINT", "FLOAT": "DOUBLE", "NUMERIC": "DECIMAL(38,9)", "BIGNUMERIC": "DECIMAL(38,18)",
    "BOOLEAN": "BOOLEAN", "TIMESTAMP": "TIMESTAMPTZ", "DATE": "DATE", "TIME": "TIME", "DATETIME": "TIMESTAMP", "JSON": "JSON",
}  # fmt: skip
MODES = ("NULLABLE", "REQUIRED", "REPEATED")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
documented(
    "bigquery-field-types", "GoogleSQL type names (INT64, FLOAT64, BOOL, STRUCT) are the legacy ones' twins; answers show the legacy."
)
assumed("bigquery-types", "GEOGRAPHY, RANGE and INTERVAL columns are refused with 400; BIGNUMERIC has 38 digits here, not 76.")


class BadValueError(ValueError):
    """A value that does not fit its column: the column's path and what is wrong."""

    def __init__(self, location: str, message: str) -> None:
        super().__init__(message)
        self.location, self.message = location, message


def fields_of(schema: Json) -> list[Json]:
    """The fields of a schema with canonical types and modes; raises 400."""
    out = []
    for each in schema.get("fields", []):
        kind = str(each.get("type", "")).upper()
        kind = NAMES.get(kind, kind)
        mode = str(each.get("mode") or "NULLABLE").upper()
        if (kind not in DUCK and kind != "RECORD") or mode not in MODES or not each.get("name"):
            raise invalid(f"Invalid schema: field {each.get('name', '')!r} has type {each.get('type')!r}, mode {mode}.")
        inner = {"fields": fields_of(each)} if kind == "RECORD" else {}
        kept = {key: each[key] for key in ("description", "policyTags") if key in each}
        out.append({"name": each["name"], "type": kind, "mode": mode, **kept, **inner})
    return out


def duck_type(field: Json) -> Any:
    """The type of a column as DuckDB's ``from_json`` takes it: a name, an object of fields, or a list of one of them."""
    inner = {each["name"]: duck_type(each) for each in field["fields"]} if field["type"] == "RECORD" else DUCK[field["type"]]
    return [inner] if field["mode"] == "REPEATED" else inner


def canonical(values: Json, fields: list[Json], *, drop_unknown: bool, path: str = "") -> Json:
    """A row as it is kept; column names meet their columns whatever their case. Raises BadValueError."""
    names = {each["name"].lower(): each for each in fields}
    out: Json = {}
    for name, value in values.items():
        field = names.get(name.lower())
        if field is None:
            if drop_unknown:
                continue
            raise BadValueError(path + name, f"no such field: {path}{name}.")
        if value is not None:
            out[field["name"]] = _value(value, field, drop_unknown=drop_unknown, path=path + field["name"])
    for field in fields:
        if field["mode"] == "REQUIRED" and out.get(field["name"]) is None:
            raise BadValueError(path + field["name"], f"Missing required field: {path}{field['name']}.")
    return out


def _value(value: Any, field: Json, *, drop_unknown: bool, path: str) -> Any:
    if field["mode"] == "REPEATED":
        if not isinstance(value, list):
            raise BadValueError(path, f"Repeated field must be imported as a JSON array. Field: {path}.")
        return [_one(each, field, drop_unknown=drop_unknown, path=path) for each in value]
    return _one(value, field, drop_unknown=drop_unknown, path=path)


def _one(value: Any, field: Json, *, drop_unknown: bool, path: str) -> Any:
    kind = field["type"]
    if kind == "RECORD":
        if not isinstance(value, dict):
            raise BadValueError(path, f"This field: {path} is not a record.")
        return canonical(value, field["fields"], drop_unknown=drop_unknown, path=path + ".")
    try:
        return _READ[kind](value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise BadValueError(path, f"Cannot convert value to {kind.lower()} (bad value): {value}") from error


def instant(value: Any) -> int:
    """Microseconds of a timestamp: RFC 3339, ``2026-09-01 00:00:00 UTC``, or seconds since 1970."""
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, int | float | Decimal):
        return round(Decimal(str(value)) * SECOND)
    text = str(value).strip().removesuffix(" UTC")
    moment = datetime.fromisoformat(text)
    return parse(moment.isoformat() if moment.tzinfo else moment.replace(tzinfo=UTC).isoformat())


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
        raise ValueError(value)
    return int(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[str(value).lower()] if str(value).lower() in {"true", "false"} else _never(value)


def _number(value: Any) -> float:
    return _never(value) if isinstance(value, bool) else float(value)


def _text(value: Any) -> str:
    return _never(value) if isinstance(value, dict | list) else str(value)


def _never(value: Any) -> Any:
    raise ValueError(value)


_READ: dict[str, Callable[[Any], Any]] = {
    "STRING": _text,
    "BYTES": lambda value: base64.b64encode(base64.b64decode(value, validate=True)).decode(),
    "INTEGER": _integer,
    "FLOAT": _number,
    "NUMERIC": lambda value: str(Decimal(str(value))),
    "BIGNUMERIC": lambda value: str(Decimal(str(value))),
    "BOOLEAN": _boolean,
    "TIMESTAMP": lambda value: utc(instant(value)),
    "DATE": lambda value: date.fromisoformat(str(value)).isoformat(),
    "TIME": lambda value: time.fromisoformat(str(value)).isoformat(),
    "DATETIME": lambda value: datetime.fromisoformat(str(value)).replace(tzinfo=None).isoformat(),
    "JSON": lambda value: value if isinstance(value, str) else json.dumps(value),
}


def shown_row(row: Json, fields: Iterable[Json], *, micros: bool) -> Json:
    """A row as answers show it: ``{"f": [{"v": ...}]}``."""
    return {"f": [{"v": _shown(row.get(each["name"]), each, micros=micros)} for each in fields]}


def _shown(value: Any, field: Json, *, micros: bool) -> Any:
    if field["mode"] == "REPEATED":
        return [{"v": _scalar(each, field, micros=micros)} for each in value or []]
    return None if value is None else _scalar(value, field, micros=micros)


def _scalar(value: Any, field: Json, *, micros: bool) -> Any:
    kind = field["type"]
    if kind == "RECORD":
        return shown_row(value, field["fields"], micros=micros)
    if isinstance(value, bool):
        return str(value).lower()
    if kind == "TIMESTAMP":
        at = (value - _EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else instant(value)
        return str(at) if micros else repr(at / SECOND)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)
