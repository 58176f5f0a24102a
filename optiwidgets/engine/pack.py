"""Codes and positions -> the bytes of a real file -> the same weights again.

The file: magic and lengths, JSON header, then for every layer its positions, scales and codes, then
what is left of the model's state as floats, and a CRC-32 of it all. A layer's positions are a
bitmask where that is smaller than storing its zeros as codes; else there are none.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optiwidgets.engine import network, zoo
from optiwidgets.engine.quantize import Coded
from optiwidgets.engine.recipe import Recipe

MAGIC = b"OWZ1"
FRAME = struct.Struct("<4sIQ")  # magic, bytes of the header, bytes of the payload
CHECKSUM = struct.Struct("<I")
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
    column = codes.astype(np.uint8)[:, None]
    planes = np.unpackbits(column, axis=1, count=bits, bitorder="little")
    return np.packbits(planes, bitorder="little").tobytes()


def unpack_bits(data: bytes, bits: int, count: int) -> NDArray[np.uint8]:
    """Read ``count`` codes that ``pack_bits`` wrote.

    Examples
    --------
    >>> unpack_bits(bytes.fromhex("d101"), 3, 3).tolist()
    [1, 2, 7]
    """
    planes = np.unpackbits(np.frombuffer(data, np.uint8), count=count * bits, bitorder="little")
    return np.packbits(planes.reshape(count, bits), axis=1, bitorder="little").ravel()


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
    parts["header"] = FRAME.size + len(_header(model, encodings)) + CHECKSUM.size
    return parts


def pack(model: Packable) -> bytes:
    """The whole file, ``sum(packed_parts(model).values())`` bytes long."""
    encodings = {name: encoding(layer) for name, layer in model.layers.items()}
    header = _header(model, encodings)
    blocks = []
    for name, layer in model.layers.items():
        blocks += _pack_layer(layer, encodings[name])
    blocks += [t.contiguous().numpy().tobytes() for t in _leftovers(model.net)]
    payload = b"".join(blocks)
    body = FRAME.pack(MAGIC, len(header), len(payload)) + header + payload
    return body + CHECKSUM.pack(zlib.crc32(body))


def save(model: Packable, path: str | os.PathLike[str]) -> None:
    """Write the file beside its name and rename it: it is there whole, or not at all."""
    temporary = Path(f"{os.fspath(path)}.{os.getpid()}-{get_ident()}.part")
    data = pack(model)
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    ValueError: README.md cannot be loaded as a packed model: it does not begin with b'OWZ1'
    """
    if model is not None and not isinstance(model, nn.Module):
        raise ValueError(f"model is a torch module, not {type(model).__name__}")
    try:
        with open(path, "rb") as stream:
            header, payload = _open(stream)
        net = _empty_model(header, model)
        _fill(net, header["layers"], Recipe(**header["recipe"]), payload)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{os.fspath(path)} cannot be loaded as a packed model: {error}"
        ) from error
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


def _open(stream: BinaryIO) -> tuple[dict[str, Any], memoryview]:
    """Check magic, lengths (before anything big is read), checksum and header; part the payload."""
    frame, there = stream.read(FRAME.size), os.fstat(stream.fileno()).st_size
    if frame[: len(MAGIC)] != MAGIC:
        raise ValueError(f"it does not begin with {MAGIC!r}")
    if len(frame) < FRAME.size:
        raise ValueError(f"it is only {there} bytes long")
    _, header_bytes, payload_bytes = FRAME.unpack(frame)
    whole = FRAME.size + header_bytes + payload_bytes + CHECKSUM.size
    if there != whole:
        raise ValueError(f"it is {there} bytes long, its header accounts for {whole}")
    body = memoryview(frame + stream.read())
    (checksum,) = CHECKSUM.unpack(body[-CHECKSUM.size :])
    if zlib.crc32(body[: -CHECKSUM.size]) != checksum:
        raise ValueError("its checksum does not fit: it was changed")
    start = FRAME.size + header_bytes
    header = json.loads(bytes(body[FRAME.size : start]))
    if not _is_header(header):
        raise ValueError("its header is not sound; it may come from a newer version")
    return header, body[start : -CHECKSUM.size]


def _is_header(header: object) -> bool:
    match header:
        case {"model": None | dict() as spec, "recipe": dict(), "layers": [*layers]}:
            known = spec is None or spec.keys() == zoo.Spec.__required_keys__
            return known and all(map(_is_layer, layers))
    return False


def _is_layer(entry: object) -> bool:
    match entry:
        case [str(), [_, *_] as shape, str()]:
            return all(type(length) is int for length in shape)
    return False


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
    return net


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
    packed = reader.bytes(packed_length(count, bits))
    codes = unpack_bits(packed, bits, count).astype(np.int16)
    if not affine:
        codes = 2 * codes - 1 if bits == 1 else codes - (2 ** (bits - 1) - 1)
    return torch.from_numpy(codes)
