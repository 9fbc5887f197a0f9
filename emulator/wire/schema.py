"""JSON bodies against Google's proto types.

1. An unknown field, or a value of the wrong type, is a 400 in Google's words [documented].
2. What passes comes out canonical: lowerCamelCase names, nulls dropped, 64-bit integers as decimal strings.
3. Compute's enumerations are strings on the wire; their values are checked against the nested enum that documents them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor as descriptors

from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.wire.discovery import compute_enum

documented("unknown-field", "A body with an unknown field is refused with 400 'Invalid JSON payload received. Unknown name ...'.")
assumed("enum-values", "A string outside the enum that documents a Compute field is refused with 400 'Invalid value for field'.")

documented(
    "bigquery-label-null",
    "In BigQuery a label whose value is null is taken away from a dataset or table by a patch; labels not named stay.",
)
MERGING = "bigquery."
"""The messages in whose maps a null says that a key is taken away; elsewhere it is a wrong value."""
_Field = descriptors.FieldDescriptor
_INT64 = {_Field.TYPE_INT64, _Field.TYPE_UINT64, _Field.TYPE_SINT64, _Field.TYPE_FIXED64, _Field.TYPE_SFIXED64}
_INT32 = {_Field.TYPE_INT32, _Field.TYPE_UINT32, _Field.TYPE_SINT32, _Field.TYPE_FIXED32, _Field.TYPE_SFIXED32}
_FLOAT = {_Field.TYPE_DOUBLE, _Field.TYPE_FLOAT}


def canonical(value: Any, message: descriptors.Descriptor, path: str = "") -> Any:
    """The canonical form of a JSON object of this message type; raises ApiError 400."""
    if message.full_name.startswith("google.protobuf."):
        return value
    if not isinstance(value, dict):
        raise _wrong(path or message.name, f"type.googleapis.com/{message.full_name}", value)
    names = _names(message)
    out: dict[str, Any] = {}
    for name, item in value.items():
        field = names.get(name)
        if field is None:
            where = f" at '{path}'" if path else ""
            raise ApiError(400, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')
        if item is None:
            continue
        out[field.json_name] = _field(item, field, f"{path}.{field.name}" if path else field.name)
    return out


_NAMES: dict[str, dict[str, descriptors.FieldDescriptor]] = {}


def _names(message: descriptors.Descriptor) -> dict[str, descriptors.FieldDescriptor]:
    known = _NAMES.get(message.full_name)
    if known is None:
        known = {field.name: field for field in message.fields} | {field.json_name: field for field in message.fields}
        _NAMES[message.full_name] = known
    return known


def _field(value: Any, field: descriptors.FieldDescriptor, path: str) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        if not isinstance(value, dict):
            raise _wrong(path, "Map", value)
        item_field = kind.fields_by_name["value"]
        taken_away = field.containing_type.full_name.startswith(MERGING)
        return {
            str(key): None if item is None and taken_away else _single(item, item_field, f"{path}[{key}]") for key, item in value.items()
        }
    if field.is_repeated:
        if not isinstance(value, list):
            raise _wrong(path, field.name, value)
        return [_single(item, field, f"{path}[{index}]") for index, item in enumerate(value)]
    return _single(value, field, path)


def _single(value: Any, field: descriptors.FieldDescriptor, path: str) -> Any:
    if field.message_type is not None:
        return canonical(value, field.message_type, path)
    if field.enum_type is not None:
        return _enum(value, field.enum_type, path)
    if field.type in _INT64 | _INT32:
        return _integer(value, field, path)
    if field.type in _FLOAT:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(path, "TYPE_DOUBLE", value)
        return value
    if field.type == _Field.TYPE_BOOL:
        if isinstance(value, str) and value in {"true", "false"}:
            return value == "true"
        if not isinstance(value, bool):
            raise _wrong(path, "TYPE_BOOL", value)
        return value
    if not isinstance(value, str):
        raise _wrong(path, "TYPE_STRING", value)
    _documented_value(value, field, path)
    return value


def _integer(value: Any, field: descriptors.FieldDescriptor, path: str) -> int | str:
    wide = field.type in _INT64
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise _wrong(path, "TYPE_INT64" if wide else "TYPE_INT32", value)
    try:
        number = int(value)
    except ValueError:
        raise _wrong(path, "TYPE_INT64" if wide else "TYPE_INT32", value) from None
    if isinstance(value, float) and number != value:
        raise _wrong(path, "TYPE_INT64" if wide else "TYPE_INT32", value)
    return str(number) if wide else number


def _enum(value: Any, enum: descriptors.EnumDescriptor, path: str) -> str:
    if isinstance(value, int) and value in enum.values_by_number:
        return str(enum.values_by_number[value].name)
    if isinstance(value, str) and value in enum.values_by_name:
        return value
    raise _wrong(path, f"type.googleapis.com/{enum.full_name}", value)


def _documented_value(value: str, field: descriptors.FieldDescriptor, path: str) -> None:
    owner = field.containing_type
    if owner is None or not value or owner.GetOptions().map_entry:
        return
    name = "".join(part.capitalize() for part in field.name.split("_"))
    enum = owner.enum_types_by_name.get(name)
    if enum is None:
        return
    # The generated enums leave out values that several enums share; the discovery document has them all.
    values = compute_enum(owner.name, field.json_name) or [item.name for item in enum.values if not item.name.startswith("UNDEFINED_")]
    if value not in values:
        shown = "resource." + path
        raise ApiError(400, f"Invalid value for field '{shown}': '{value}'. Must be one of [{', '.join(values)}]", reason="invalid")


def numbered(value: Any, message: descriptors.Descriptor) -> Any:
    """An answer with every enumeration as a number, as ``$alt=json;enum-encoding=int`` asks for [recorded]."""
    if not isinstance(value, dict) or message.full_name.startswith("google.protobuf."):
        return value
    names = _names(message)
    return {name: _numbered(item, names[name]) if name in names else item for name, item in value.items()}


def _numbered(value: Any, field: descriptors.FieldDescriptor) -> Any:
    if isinstance(value, list):
        return [_numbered(item, field) for item in value]
    kind = field.message_type
    if kind is not None:
        return value if kind.GetOptions().map_entry else numbered(value, kind)
    if field.enum_type is not None and isinstance(value, str):
        return field.enum_type.values_by_name[value].number
    return value


def _wrong(path: str, kind: str, value: Any) -> ApiError:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return ApiError(400, f"Invalid JSON payload received. Invalid value at '{path}' ({kind}), {shown}")
