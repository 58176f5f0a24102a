"""Codes and positions -> the bytes of a real file -> the same weights again.

The file: magic, header length, JSON header, then for every layer its positions, scales and codes,
then what is left of the model's state as floats, and a CRC-32 of it all. A layer's positions are a
bitmask where that is smaller than storing its zeros as codes; else there are none.
"""

from __future__ import annotations

import copy
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optiwidgets.engine import network, zoo
from optiwidgets.engine.quantize import Coded
from optiwidgets.engine.recipe import Recipe

MAGIC = b"OWZ1"
FRAME_BYTES = len(MAGIC) + 4 + 4  # magic, header length, checksum
MAX_HEADER_BYTES = 1 << 20
DENSE, BITMASK = "dense", "bitmask"
PARTS = ("codes", "positions", "scales", "biases", "header")


@dataclass(frozen=True, eq=False)
class Packable:
    """An optimized model as it goes into a file.

    ``layers`` are its coded weights by layer name, ``net`` the module that holds their decoded
    values and everything else, ``spec`` the zoo's name for it (None for other models).
    """

    recipe: Recipe
    net: nn.Module
    layers: Mapping[str, Coded]
    class_names: Sequence[str]
    spec: zoo.Spec | None


def pack_bits(codes: NDArray[np.integer[Any]], bits: int) -> bytes:
    """Write unsigned codes one after the other, ``bits`` each, lowest bit first.

    Examples
    --------
    Three 3-bit codes 1, 2, 7 are 0b111_010_001, that is 465 = 0x1d1, in two bytes:

    >>> pack_bits(np.array([1, 2, 7]), 3).hex()
    'd101'
    """
    planes = (codes[:, None] >> np.arange(bits)) & 1
    return np.packbits(planes.astype(np.uint8).ravel(), bitorder="little").tobytes()


def unpack_bits(data: bytes, bits: int, count: int) -> NDArray[np.int64]:
    """Read ``count`` codes that ``pack_bits`` wrote.

    Examples
    --------
    >>> unpack_bits(bytes.fromhex("d101"), 3, 3).tolist()
    [1, 2, 7]
    """
    planes = np.unpackbits(np.frombuffer(data, np.uint8), count=count * bits, bitorder="little")
    return (planes.reshape(count, bits).astype(np.int64) << np.arange(bits)).sum(1)


def packed_length(count: int, bits: int) -> int:
    """Whole bytes that ``count`` codes of ``bits`` take.

    Examples
    --------
    >>> packed_length(3, 3)
    2
    """
    return -(-count * bits // 8)


def encoding(layer: Coded) -> str:
    """The smaller way to store a layer: zeros as codes, or a bitmask of what was kept.

    One-bit codes have no zero, so a pruned one-bit layer needs its mask.

    Examples
    --------
    >>> from optiwidgets.engine.quantize import encode
    >>> half = encode(torch.ones(2, 8), torch.arange(16).view(2, 8) < 8, Recipe(bits=4))
    >>> encoding(half)
    'bitmask'
    """
    total, kept = layer.mask.numel(), int(layer.mask.sum())
    if kept == total:
        return DENSE
    masked = packed_length(total, 1) + packed_length(kept, layer.bits)
    return BITMASK if layer.bits == 1 or masked < packed_length(total, layer.bits) else DENSE


def packed_parts(model: Packable) -> dict[str, int]:
    """Bytes of the file by what they are spent on, without writing it."""
    parts = dict.fromkeys(PARTS, 0)
    encodings = {name: encoding(layer) for name, layer in model.layers.items()}
    for name, layer in model.layers.items():
        total, masked = layer.mask.numel(), encodings[name] == BITMASK
        stored = int(layer.mask.sum()) if masked else total
        parts["codes"] += packed_length(stored, layer.bits)
        parts["positions"] += packed_length(total, 1) if masked else 0
        parts["scales"] += 4 * layer.scale.numel() + layer.zero_point.numel()
    parts["biases"] = sum(t.numel() * t.element_size() for t in _leftovers(model.net))
    parts["header"] = FRAME_BYTES + len(_header(model, encodings))
    return parts


def pack(model: Packable) -> bytes:
    """The whole file, ``sum(packed_parts(model).values())`` bytes long."""
    encodings = {name: encoding(layer) for name, layer in model.layers.items()}
    header = _header(model, encodings)
    blocks = [MAGIC, struct.pack("<I", len(header)), header]
    for name, layer in model.layers.items():
        blocks += _pack_layer(layer, encodings[name])
    blocks += [t.contiguous().numpy().tobytes() for t in _leftovers(model.net)]
    body = b"".join(blocks)
    return body + struct.pack("<I", zlib.crc32(body))


def save(model: Packable, path: str | os.PathLike[str]) -> None:
    """Write the file beside its name and rename it: it is there whole, or not at all."""
    data, folder = pack(model), os.path.dirname(os.path.abspath(path))
    file, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load_packed(path: str | os.PathLike[str], model: nn.Module | None = None) -> nn.Module:
    """Read a file that ``Report.save`` wrote, as an eval-mode module with bit-identical weights.

    Parameters
    ----------
    path
        The file.
    model
        For models that are not the zoo's: a fresh instance of the architecture. It stays as it
        is; a copy is folded, shrunk to fit and filled.

    Raises
    ------
    ValueError
        The file is not a packed model, is damaged, or does not fit the model.

    Examples
    --------
    >>> load_packed("README.md")
    Traceback (most recent call last):
    ...
    ValueError: README.md is not a packed OptiWidgets model: it does not begin with b'OWZ1'
    """
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        header, payload = _open(data)
        net = _empty_model(header, model)
        recipe = Recipe(**header["recipe"])
        _fill(net, header["layers"], recipe, payload)
    except (ValueError, KeyError, TypeError, struct.error, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)} is not a packed OptiWidgets model: {error}") from error
    return net


def _header(model: Packable, encodings: Mapping[str, str]) -> bytes:
    default = Recipe().as_dict()
    recipe = {k: v for k, v in model.recipe.as_dict().items() if v != default[k]}
    layers = [[name, list(c.codes.shape), encodings[name]] for name, c in model.layers.items()]
    content = {
        "model": model.spec,
        "classes": list(model.class_names),
        "recipe": recipe,
        "layers": layers,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def _leftovers(net: nn.Module) -> list[Tensor]:
    return list(network.leftovers(net).values())


def _pack_layer(layer: Coded, how: str) -> list[bytes]:
    codes, mask = layer.codes.flatten().numpy(), layer.mask.flatten().numpy()
    positions = np.packbits(mask, bitorder="little").tobytes() if how == BITMASK else b""
    scales = layer.scale.numpy().tobytes() + layer.zero_point.to(torch.uint8).numpy().tobytes()
    stored = codes[mask] if how == BITMASK else codes
    if layer.bits >= 16:
        return [positions, scales, stored.tobytes()]
    return [positions, scales, pack_bits(_unsigned(stored, layer), layer.bits)]


def _unsigned(codes: NDArray[Any], layer: Coded) -> NDArray[Any]:
    """Codes as stored: affine ones as they are, a sign as 0 or 1, symmetric ones moved up."""
    if layer.zero_point.numel():
        return codes
    return (codes + 1) // 2 if layer.bits == 1 else codes + 2 ** (layer.bits - 1) - 1


def _open(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """Check magic, length and checksum, and part header from payload."""
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError(f"it does not begin with {MAGIC!r}")
    if len(data) < FRAME_BYTES:
        raise ValueError(f"it is {len(data)} bytes long and ends within its first {FRAME_BYTES}")
    (length,) = struct.unpack_from("<I", data, len(MAGIC))
    if length > min(MAX_HEADER_BYTES, len(data) - FRAME_BYTES):
        raise ValueError(f"its header claims {length} bytes, the file has {len(data)}")
    (checksum,) = struct.unpack_from("<I", data, len(data) - 4)
    if zlib.crc32(memoryview(data)[:-4]) != checksum:
        raise ValueError("its checksum does not fit: it was cut short, extended or changed")
    start = len(MAGIC) + 4
    header = json.loads(data[start : start + length])
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    return header, memoryview(data)[start + length : -4]


def _empty_model(header: Mapping[str, Any], model: nn.Module | None) -> nn.Module:
    """A folded model with the layers' shapes of the file."""
    if model is None and header["model"] is None:
        raise ValueError("it holds a model of your own; pass model=a fresh instance of it")
    net = network.fold(zoo.build(header["model"]) if model is None else model)
    layers = network.prunable(net)
    if [name for name, _, _ in header["layers"]] != list(layers):
        raise ValueError(f"its layers are not those of the model, {', '.join(layers)}")
    keep = {}
    for name, shape, _ in header["layers"]:
        outputs = len(layers[name].weight)
        if not 1 <= shape[0] <= outputs:
            raise ValueError(f"layer {name!r} has {shape[0]} outputs, the model {outputs}")
        if shape[0] < outputs:
            keep[name] = torch.arange(shape[0])
    if keep:
        net = network.remove_channels(net, keep, network.channel_flow(net))
    for (name, shape, _), layer in zip(
        header["layers"], network.prunable(net).values(), strict=True
    ):
        if list(layer.weight.shape) != shape:
            raise ValueError(f"layer {name!r} is {shape}, the model's {list(layer.weight.shape)}")
    return copy.deepcopy(net)


def _fill(net: nn.Module, layers: Sequence[Any], recipe: Recipe, payload: memoryview) -> None:
    """Decode every layer into the model, then the leftovers, and see that nothing is left over."""
    reader = _Reader(payload)
    for (_, _, how), layer in zip(layers, network.prunable(net).values(), strict=True):
        layer.weight.copy_(_read_layer(reader, layer.weight.shape, how, recipe).decode())
    for tensor in _leftovers(net):
        tensor.copy_(reader.take(tensor.dtype, tensor.numel()).view(tensor.shape))
    if reader.at != len(payload):
        raise ValueError(f"{len(payload) - reader.at} bytes more than its header accounts for")


class _Reader:
    """Walks along the payload, and says so when it ends too early."""

    def __init__(self, payload: memoryview) -> None:
        self.payload, self.at = payload, 0

    def bytes(self, count: int) -> bytes:
        if self.at + count > len(self.payload):
            raise ValueError(f"it ends {self.at + count - len(self.payload)} bytes too early")
        self.at += count
        return bytes(self.payload[self.at - count : self.at])

    def take(self, dtype: torch.dtype, count: int) -> Tensor:
        if not count:
            return torch.empty(0, dtype=dtype)
        size = torch.empty(0, dtype=dtype).element_size()
        return torch.frombuffer(bytearray(self.bytes(count * size)), dtype=dtype)


def _read_layer(reader: _Reader, shape: torch.Size, how: str, recipe: Recipe) -> Coded:
    if how not in (DENSE, BITMASK):
        raise ValueError(f"unknown encoding {how!r}; it may come from a newer version")
    total, bits = shape.numel(), recipe.bits
    mask = torch.ones(total, dtype=torch.bool)
    if how == BITMASK:
        flags = unpack_bits(reader.bytes(packed_length(total, 1)), 1, total)
        mask = torch.from_numpy(flags.astype(bool))
    rows = (shape[0] if recipe.grain == "channel" else 1) if bits < 16 else 0
    scale = reader.take(torch.float32, rows)
    affine = recipe.scheme == "affine" and bits < 16
    zero_point = reader.take(torch.uint8, rows if affine else 0).to(torch.int16)
    codes = torch.zeros(total, dtype={16: torch.float16, 32: torch.float32}.get(bits, torch.int16))
    codes[mask] = _read_codes(reader, int(mask.sum()), bits, affine)
    return Coded(codes.view(shape), mask.view(shape), bits, scale, zero_point)


def _read_codes(reader: _Reader, count: int, bits: int, affine: bool) -> Tensor:
    if bits >= 16:
        return reader.take(torch.float16 if bits == 16 else torch.float32, count)
    codes = unpack_bits(reader.bytes(packed_length(count, bits)), bits, count)
    if not affine:
        codes = 2 * codes - 1 if bits == 1 else codes - (2 ** (bits - 1) - 1)
    return torch.from_numpy(codes.astype(np.int16))
