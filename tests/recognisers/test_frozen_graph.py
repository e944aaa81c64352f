"""Arrays out of a frozen graph that is written by hand, byte by byte, as protobuf lays it down."""

import struct

import torch

from ndcb.recognisers.frozen_graph import read_constants


def message(number: int, content: bytes) -> bytes:
    """A field with contents of some length: strings, bytes and messages."""
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def integer(number: int, value: int) -> bytes:
    assert value < 128
    return bytes([number << 3, value])


def tensor(dtype: int, sizes: tuple[int, ...], content: bytes) -> bytes:
    shape = b"".join(message(2, integer(1, size)) for size in sizes)
    return message(8, integer(1, dtype) + message(2, shape) + message(4, content))


def node(name: str, key: str, value: bytes) -> bytes:
    operation = message(2, b"Const")  # a field that is not read
    attribute = message(1, key.encode()) + message(2, value)
    return message(1, message(1, name.encode()) + operation + message(5, attribute))


def test_float_arrays_come_in_the_graphs_order(tmp_path):
    numbers = struct.pack("<6f", 1, 2, 3, 4, 5, 6.5)
    (tmp_path / "graph.pb").write_bytes(
        node("z/weights", "value", tensor(1, (2, 3), numbers))
        + node("a/biases", "value", tensor(1, (2,), numbers[:8]))
    )
    constants = read_constants(tmp_path / "graph.pb")
    assert list(constants) == ["z/weights", "a/biases"]
    assert torch.equal(constants["z/weights"], torch.tensor([[1, 2, 3], [4, 5, 6.5]]))
    assert torch.equal(constants["a/biases"], torch.tensor([1.0, 2]))


def test_all_else_is_passed_over(tmp_path):
    numbers = struct.pack("<2f", 1, 2)
    (tmp_path / "graph.pb").write_bytes(
        node("integers", "value", tensor(3, (2,), numbers))
        + node("without contents", "value", tensor(1, (2,), b""))
        + node("of another attribute", "dtype", tensor(1, (2,), numbers))
    )
    assert read_constants(tmp_path / "graph.pb") == {}
