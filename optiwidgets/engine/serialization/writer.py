"""Codes and positions -> the bytes of a real file; ``unpack`` reads it.

The file is ``OWZ2``, the lengths of what follows, a JSON header (deflated, with a dictionary of
what such headers mostly say), an entropy-coded stream, plain bytes, and a CRC-32 of it all. Plain
are codebooks, bitmasks, scales and zero points, ranges of activations where the recipe quantizes
them, codes, and the rest of the model's state as floats, each layer by layer. Every layer takes the
smallest of three ``encodings``, or all layers one, if the whole file is smaller for it: a header
that says the same of every layer deflates to less. Of an entropy-coded layer positions and codes
are in the stream (16- and 32-bit floats stay plain).

Files can be smaller than the order-0 estimate of ``size_breakdown``, which only counts zeros: they
cluster, and ``position_model`` makes use of it.
"""

from __future__ import annotations

import itertools
import json
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from optiwidgets.engine.calibration.activation_ranges import Range
from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.models import zoo
from optiwidgets.engine.models.layers import other_parameters
from optiwidgets.engine.quantization.weights import QuantizedWeight
from optiwidgets.engine.serialization.bit_packing import pack_bits
from optiwidgets.engine.serialization.encodings import (
    BITMASK,
    DENSE,
    ENTROPY,
    EncodedLayer,
    fit,
    to_unsigned,
)
from optiwidgets.engine.serialization.entropy_coder import Writer
from optiwidgets.engine.types.recipe import Recipe

MAGIC = b"OWZ2"
FRAME = struct.Struct("<4sHII")  # magic, bytes of the header, of the stream, of the plain sections
CHECKSUM = struct.Struct("<I")
MOST_HEADER_BYTES, MOST_TEXT_BYTES = 2**16 - 1, 2**20  # the header deflated and inflated
HEADER_BYTES = 8  # a layer, by which headers can differ
ROUGH_BYTES = 4  # by which a file can be longer or shorter than was expected
T = TypeVar("T")
PARTS = ("codes", "positions", "scales", "tables", "biases", "header")
# Part of the format: headers deflate to what differs from it. The most likely comes last.
DICTIONARY = (
    b'"bitmask"],["dense"],"airplane","cat","dog",{"model":null,"classes":["[["conv1",["fc1",[10,'
    b'"recovery":"finetune","seed":"score":"random","pruning":"layer","channel","activation_bits":8,'
    b'"granularity":"channel","scheme":"affine","codebook","clip":"percentile","mse",'
    b'"layers":[["features.0",[16,1,3,3],"entropy"],["features.4",[32,16,3,3],"entropy"],["features.8'
    b'",[64,32,3,3],"entropy"],["hidden",[128,576],"entropy"],["head",[10,128],"entropy"]]}'
    b'{"model":{"name":"wide","channels":1,"size":28,"classes":10},"classes":["0","1","2","3","4","5"'
    b',"6","7","8","9"],"recipe":{"sparsity":0.9,"bits":4},"layers":[["features.0",[8,1,3,3],"entropy'
    b'"],["features.4",[16,8,3,3],"entropy"],["features.8",[32,16,3,3],"entropy"],["hidden",[64,288],'
    b'"entropy"],["head",[10,64],"entropy"]]}{"model":{"name":"small","channels":1,"size":28,"classes'
    b'":10},"classes":["0","1","2","3","4","5","6","7","8","9"],"recipe":{"sparsity":0.'
)


@dataclass(frozen=True, eq=False)
class Packable:
    """An optimized model as it goes into a file.

    ``layers`` are its coded weights by layer name, ``net`` the module that holds their decoded
    values and everything else, ``spec`` the zoo's name for it (None for other models), ``ranges``
    the lowest and highest input of each layer where activations are quantized, else empty.
    """

    recipe: Recipe
    net: nn.Module
    layers: Mapping[str, QuantizedWeight]
    class_names: Sequence[str]
    spec: zoo.Spec | None
    ranges: Mapping[str, Range] = field(default_factory=dict)


def packed_parts(model: Packable, encoding: str | None = None) -> dict[str, int]:
    """Bytes of the file by what they are spent on, without writing it.

    With an ``encoding``, of the file in which every layer that can takes that one.
    """
    if encoding is None:
        return _smallest(model).parts
    fits = {name: fit(layer) for name, layer in model.layers.items()}
    return _Sections(model, fits, _alike(fits, encoding)).parts


def weigh(model: Packable) -> tuple[dict[str, int], dict[str, float]]:
    """``packed_parts``, and the bytes of each layer's weights, by name: positions, codes, scales.

    A layer's own are an expectation where it is entropy-coded, off by a few at most.
    """
    file = _smallest(model)
    return file.parts, file.layers


def pack(model: Packable) -> bytes:
    """The whole file, ``sum(packed_parts(model).values())`` bytes long."""
    return _smallest(model).file()


def save(model: Packable, path: str | os.PathLike[str]) -> None:
    """Write the file: it is there whole, or not at all."""
    write_atomically(path, pack(model))


def _smallest(model: Packable) -> _Sections:
    """The file in which every layer takes its smallest encoding, or all take the same one.

    Only those are made that can be the smallest: all else is alike, so header and expected bytes
    of the layers tell how they compare, up to ``ROUGH_BYTES``.
    """
    fits = {name: fit(layer) for name, layer in model.layers.items()}
    choices = [{name: fitted.smallest for name, fitted in fits.items()}]
    for encoding in (ENTROPY, BITMASK, DENSE):
        same = _alike(fits, encoding)
        choices += [same] if same not in choices else []
    sizes = [sum(fits[name].bytes[how[name]] for name in how) for how in choices]
    room = HEADER_BYTES * len(fits) + ROUGH_BYTES
    choices = _near(choices, sizes, room)
    expected = [
        size + len(_header(model, how))
        for how, size in zip(choices, _near(sizes, sizes, room), strict=True)
    ]
    files = (_Sections(model, fits, how) for how in _near(choices, expected, ROUGH_BYTES))
    return min(files, key=attrgetter("total"))


def _alike(fits: Mapping[str, EncodedLayer], encoding: str) -> dict[str, str]:
    """One encoding for all layers that can take it, for the others their smallest."""
    return {
        n: encoding if encoding in fitted.bytes else fitted.smallest for n, fitted in fits.items()
    }


def _near(items: Sequence[T], sizes: Sequence[float], room: float) -> list[T]:
    """Those whose size is that of the smallest, or ``room`` more at most."""
    return [item for item, size in zip(items, sizes, strict=True) if size <= min(sizes) + room]


class _Sections:
    """A file before its pieces are joined."""

    def __init__(
        self, model: Packable, fits: Mapping[str, EncodedLayer], encodings: Mapping[str, str]
    ) -> None:
        pieces = [_plain_pieces(fits[n], layer, encodings[n]) for n, layer in model.layers.items()]
        self.tables, self.positions, self.scales, self.codes = zip(*pieces, strict=True)
        self.layers = {
            name: fits[name].bytes[encodings[name]] + len(table) + len(scales)
            for name, table, scales in zip(model.layers, self.tables, self.scales, strict=True)
        }
        self.scales += tuple(np.array(span, np.float32).tobytes() for span in model.ranges.values())
        self.header = _header(model, encodings)
        left = other_parameters(model.net).values()
        self.biases = [tensor.contiguous().numpy().tobytes() for tensor in left]
        writer = Writer()
        for name, layer in reversed(list(model.layers.items())):  # written last is read first
            if encodings[name] == ENTROPY:
                fitted = fits[name]
                fitted.odds.write(writer, fitted.flags)
                if fitted.histogram:  # floats have none: their values are plain
                    fitted.histogram.write(writer, fitted.values, layer.bits)
                writer.end_block()
        self.stream, spent = writer.finish()
        plain = {name: sum(map(len, getattr(self, name))) for name in PARTS[:-1]}
        plain["header"] = FRAME.size + len(self.header) + CHECKSUM.size
        self.parts = {name: size + spent.get(name, 0) for name, size in plain.items()}
        self.total = sum(self.parts.values())

    def file(self) -> bytes:
        sections = (self.tables, self.positions, self.scales, self.codes, self.biases)
        plain = b"".join(itertools.chain(*sections))
        if len(self.header) > MOST_HEADER_BYTES or max(len(self.stream), len(plain)) >= 2**32:
            raise ValueError("the model is too large for a packed file")
        frame = FRAME.pack(MAGIC, len(self.header), len(self.stream), len(plain))
        body = frame + self.header + self.stream + plain
        return body + CHECKSUM.pack(zlib.crc32(body))


def _plain_pieces(
    fitted: EncodedLayer, layer: QuantizedWeight, how: str
) -> tuple[bytes, bytes, bytes, bytes]:
    """What of a layer is not in the stream: codebook, positions, scales, codes."""
    book, zero_point = layer.centroids, layer.zero_point.to(torch.uint8)
    table = bytes([len(book) - 1]) + book.numpy().tobytes() if len(book) else b""
    positions = np.packbits(fitted.flags, bitorder="little").tobytes() if how == BITMASK else b""
    scales = layer.scale.numpy().tobytes() + zero_point.numpy().tobytes()
    return table, positions, scales, _plain_codes(fitted, layer, how)


def _plain_codes(fitted: EncodedLayer, layer: QuantizedWeight, how: str) -> bytes:
    if how == ENTROPY and fitted.histogram:
        return b""
    if layer.bits >= 16:
        return (fitted.symbols if how == DENSE else fitted.values).tobytes()
    codes = to_unsigned(fitted.symbols, layer)
    return pack_bits(codes.ravel() if how == DENSE else codes[fitted.flags], layer.bits)


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
    text = json.dumps(content, separators=(",", ":")).encode()
    if len(text) > MOST_TEXT_BYTES:
        raise ValueError(f"names and shapes take {len(text)} bytes, the most is {MOST_TEXT_BYTES}")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -12, 4, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    return deflate.compress(text) + deflate.flush()
