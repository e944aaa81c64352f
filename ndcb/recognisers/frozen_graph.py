"""The arrays of a frozen TensorFlow graph, read without TensorFlow.

A frozen graph is one protobuf message, GraphDef. Of its message types only the seven on the way to
an array are described here, and of these only the fields that are read; protobuf skips the rest.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto

PACKAGE = "frozen"
FLOAT = 1
"""DT_FLOAT, by its number in TensorFlow's types.proto."""


class Field(NamedTuple):
    """A field of a message: its number is TensorFlow's, its name is ours."""

    name: str
    number: int
    type: int
    message: str = ""
    """Of TYPE_MESSAGE: which one."""
    repeated: bool = False


MESSAGES = {
    "Graph": [Field("nodes", 1, Proto.TYPE_MESSAGE, "Node", repeated=True)],
    "Node": [
        Field("name", 1, Proto.TYPE_STRING),
        Field("attributes", 5, Proto.TYPE_MESSAGE, "Attribute", repeated=True),
    ],
    "Attribute": [
        Field("key", 1, Proto.TYPE_STRING),
        Field("value", 2, Proto.TYPE_MESSAGE, "Value"),
    ],
    "Value": [Field("tensor", 8, Proto.TYPE_MESSAGE, "Tensor")],
    "Tensor": [
        Field("dtype", 1, Proto.TYPE_INT32),
        Field("shape", 2, Proto.TYPE_MESSAGE, "Shape"),
        Field("content", 4, Proto.TYPE_BYTES),
    ],
    "Shape": [Field("dimensions", 2, Proto.TYPE_MESSAGE, "Dimension", repeated=True)],
    "Dimension": [Field("size", 1, Proto.TYPE_INT64)],
}


def read_constants(path: Path) -> dict[str, torch.Tensor]:
    """Node name -> its float32 array, in the graph's order."""
    graph = _graph_class()()
    graph.ParseFromString(path.read_bytes())

    constants = {}
    for node in graph.nodes:
        for attribute in node.attributes:
            tensor = attribute.value.tensor
            if attribute.key == "value" and tensor.dtype == FLOAT and tensor.content:
                constants[node.name] = _array(tensor)
    return constants


def _array(tensor) -> torch.Tensor:
    shape = [dimension.size for dimension in tensor.shape.dimensions]
    return torch.frombuffer(bytearray(tensor.content), dtype=torch.float32).reshape(shape)


@cache
def _graph_class() -> type:
    """The message class of a graph, made from MESSAGES."""
    file = descriptor_pb2.FileDescriptorProto(name="frozen.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _describe(field, message.field.add())

    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Graph"))


def _describe(field: Field, described: Proto) -> None:
    described.name, described.number, described.type = field.name, field.number, field.type
    described.label = Proto.LABEL_REPEATED if field.repeated else Proto.LABEL_OPTIONAL
    if field.message:
        described.type_name = f".{PACKAGE}.{field.message}"
