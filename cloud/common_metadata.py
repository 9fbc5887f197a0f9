"""A message type Google's Python packages lack: the metadata of Memorystore's operations. Without it no REST answer with one can be read.

It is registered once, under Google's own file name, unless a package brings it after all.
"""

from __future__ import annotations

import importlib
from typing import Any

NAME = "google.cloud.common.OperationMetadata"
_TEXTS = ((3, "target"), (4, "verb"), (5, "status_detail"), (7, "api_version"))


def register() -> None:
    """Make the type known to protobuf's default pool."""
    pool: Any = importlib.import_module("google.protobuf.descriptor_pool")  # these make their classes when imported: no types
    protos: Any = importlib.import_module("google.protobuf.descriptor_pb2")
    importlib.import_module("google.protobuf.timestamp_pb2")
    default = pool.Default()
    try:
        default.FindMessageTypeByName(NAME)
    except KeyError:
        file = protos.FileDescriptorProto(
            name="google/cloud/common/operation_metadata.proto",
            package="google.cloud.common",
            syntax="proto3",
            dependency=["google/protobuf/timestamp.proto"],
        )
        message, kinds = file.message_type.add(name="OperationMetadata"), protos.FieldDescriptorProto
        for number, name in ((1, "create_time"), (2, "end_time")):
            message.field.add(
                name=name, number=number, type=kinds.TYPE_MESSAGE, label=kinds.LABEL_OPTIONAL, type_name=".google.protobuf.Timestamp"
            )
        for number, name in _TEXTS:
            message.field.add(name=name, number=number, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
        message.field.add(name="cancel_requested", number=6, type=kinds.TYPE_BOOL, label=kinds.LABEL_OPTIONAL)
        default.Add(file)
