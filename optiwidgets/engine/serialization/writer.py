"""Writer of the packed file: codes and positions -> bytes; ``reader`` reads them.

The file is ``OWZ2``, the lengths of its sections, a JSON header (deflated, with a dictionary of
typical headers), an entropy-coded stream, plain bytes, and a CRC-32 of everything before it. The
plain bytes are codebooks, bitmasks, scales and zero points, activation ranges if the recipe
quantizes activations, codes, and the rest of the model's state as floats; each kind layer by layer.
Every layer has the smallest of three ``encodings``, or all layers the same one if that makes the
file smaller: a header with equal entries deflates to fewer bytes. Positions and codes of an
entropy-coded layer are in the stream (16- and 32-bit floats stay plain).

A file can be smaller than the order-0 estimate of ``size_breakdown``: that only counts zeros, while
``position_model`` uses that they cluster.
"""

from __future__ import annotations

import itertools
import json
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from optiwidgets.engine.calibration.activation_ranges import Range
from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.models.layers import other_parameters
from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.quantization.weights import QuantizedWeight
from optiwidgets.engine.serialization.bit_packing import pack_bits, packed_length
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
HEADER_BYTES = 8  # per layer: largest difference between the headers of two choices
ROUGH_BYTES = 4  # largest difference between a file's length and its expectation
T = TypeVar("T")
PARTS = ("codes", "positions", "scales", "tables", "biases", "header")
# Part of the format: the dictionary that headers are deflated with, the most likely text last.
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
    """Content of a packed file: an optimized model.

    ``layers`` are its quantized weights by layer name, ``net`` is the module with their decoded
    values and all other parameters, ``spec`` describes the zoo's model (None for other models).
    ``ranges`` are the lowest and highest input of each layer, empty if activations are not
    quantized. ``image`` is the shape C, H, W of images, needed if channels were removed from a
    model outside the zoo.
    """

    recipe: Recipe
    net: nn.Module
    layers: Mapping[str, QuantizedWeight]
    class_names: Sequence[str]
    spec: Spec | None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    image: tuple[int, ...] = ()


def packed_parts(model: Packable, encoding: str | None = None) -> dict[str, int]:
    """Compute the bytes of the file by part, without writing it.

    With an ``encoding``, every layer that supports it is taken to use it.
    """
    if encoding is None:
        return _smallest(model).parts
    fits = {name: fit(layer) for name, layer in model.layers.items()}
    return Sections(model, fits, _same_encoding(fits, encoding)).parts


def weigh(model: Packable) -> tuple[dict[str, int], dict[str, float]]:
    """Compute ``packed_parts``, and the bytes of each layer's positions, codes and scales by name.

    The bytes of an entropy-coded layer are an expectation, off by a few at most.
    """
    file = _smallest(model)
    return file.parts, file.layers


def pack(model: Packable) -> bytes:
    """Encode the model as the bytes of the file, ``sum(packed_parts(model).values())`` of them."""
    return _smallest(model).file()


def save(model: Packable, path: str | os.PathLike[str]) -> None:
    """Write the packed file atomically."""
    write_atomically(path, pack(model))


def _smallest(model: Packable) -> Sections:
    """Choose the smallest file: each layer in its smallest encoding, or all layers in one.

    Candidates differ only in the header and in the layers' bytes, which are known up to
    ``ROUGH_BYTES``; only candidates that can be the smallest are encoded.
    """
    fits = {name: fit(layer) for name, layer in model.layers.items()}
    choices = [{name: encoded.smallest for name, encoded in fits.items()}]
    for encoding in (ENTROPY, BITMASK, DENSE):
        same = _same_encoding(fits, encoding)
        choices += [same] if same not in choices else []
    sizes = [sum(fits[n].bytes[encoding] for n, encoding in c.items()) for c in choices]
    room = HEADER_BYTES * len(fits) + ROUGH_BYTES
    choices = _near(choices, sizes, room)
    if len(choices) > 1:
        expected = [
            size + len(_header(model, choice))
            for choice, size in zip(choices, _near(sizes, sizes, room), strict=True)
        ]
        choices = _near(choices, expected, ROUGH_BYTES)
    return min((Sections(model, fits, choice) for choice in choices), key=attrgetter("total"))


def _same_encoding(fits: Mapping[str, EncodedLayer], encoding: str) -> dict[str, str]:
    """Return this encoding for all layers that support it, and the smallest for the others."""
    return {
        name: encoding if encoding in encoded.bytes else encoded.smallest
        for name, encoded in fits.items()
    }


def _near(items: Sequence[T], sizes: Sequence[float], room: float) -> list[T]:
    """Select the items whose size exceeds the smallest size by at most ``room``."""
    return [item for item, size in zip(items, sizes, strict=True) if size <= min(sizes) + room]


class Sections:
    """Sections of a file: header and stream as bytes, the plain sections as lengths.

    ``parts`` are the bytes of the file by part, ``layers`` those of each layer's weights.
    """

    def __init__(
        self, model: Packable, fits: Mapping[str, EncodedLayer], encodings: Mapping[str, str]
    ) -> None:
        self.model, self.fits, self.encodings = model, fits, encodings
        self.header = _header(model, encodings)
        self.stream, spent = self._encode()
        self.parts = dict.fromkeys(PARTS, 0) | spent
        self.layers = {}
        for name, layer in model.layers.items():
            plain = _plain_lengths(fits[name], layer, encodings[name])
            for part, length in plain.items():
                self.parts[part] += length
            self.layers[name] = fits[name].bytes[encodings[name]] + plain["tables"]
            self.layers[name] += plain["scales"]
        self.parts["scales"] += len(model.ranges) * np.dtype(np.float32).itemsize * 2
        self.parts["biases"] = sum(t.nbytes for t in other_parameters(model.net).values())
        self.parts["header"] = FRAME.size + len(self.header) + CHECKSUM.size
        self.total = sum(self.parts.values())

    def _encode(self) -> tuple[bytes, dict[str, int]]:
        """Encode the entropy-coded stream, and count the bytes spent on each part."""
        writer = Writer()
        for name, layer in reversed(list(self.model.layers.items())):  # written last is read first
            if self.encodings[name] == ENTROPY:
                encoded = self.fits[name]
                encoded.position_model.write(writer, encoded.flags)
                if encoded.value_model:  # None for floats: their values are plain
                    encoded.value_model.write(writer, encoded.values, layer.bits)
                writer.end_block()
        return writer.finish()

    def file(self) -> bytes:
        """Encode the plain sections, and join all sections to the bytes of the file."""
        model = self.model
        made = [
            _plain_sections(self.fits[name], layer, self.encodings[name])
            for name, layer in model.layers.items()
        ]
        tables, positions, scales, codes = zip(*made, strict=True)
        ranges = (np.array(span, np.float32).tobytes() for span in model.ranges.values())
        others = other_parameters(model.net).values()
        biases = (tensor.contiguous().numpy().tobytes() for tensor in others)
        plain = b"".join(itertools.chain(tables, positions, scales, ranges, codes, biases))
        if len(self.header) > MOST_HEADER_BYTES or max(len(self.stream), len(plain)) >= 2**32:
            raise ValueError("the model is too large for a packed file")
        frame = FRAME.pack(MAGIC, len(self.header), len(self.stream), len(plain))
        body = frame + self.header + self.stream + plain
        return body + CHECKSUM.pack(zlib.crc32(body))


def _plain_lengths(encoded: EncodedLayer, layer: QuantizedWeight, encoding: str) -> dict[str, int]:
    """Compute the lengths of a layer's ``_plain_sections`` without encoding them."""
    total, kept, codes = encoded.symbols.size, len(encoded.values), 0
    if encoding != ENTROPY or not encoded.value_model:
        codes = packed_length(total if encoding == DENSE else kept, layer.bits)
    entries = layer.centroids.numel()
    return {
        "tables": 1 + layer.centroids.nbytes if entries else 0,
        "positions": packed_length(total, 1) if encoding == BITMASK else 0,
        "scales": layer.scale.nbytes + layer.zero_point.numel(),
        "codes": codes,
    }


def _plain_sections(
    encoded: EncodedLayer, layer: QuantizedWeight, encoding: str
) -> tuple[bytes, bytes, bytes, bytes]:
    """Encode a layer's sections outside the stream: codebook, positions, scales, codes."""
    codebook, zero_point = layer.centroids, layer.zero_point.to(torch.uint8)
    table = bytes([len(codebook) - 1]) + codebook.numpy().tobytes() if len(codebook) else b""
    stored = encoded.flags if encoding == BITMASK else encoded.flags[:0]
    positions = np.packbits(stored, bitorder="little").tobytes()
    scales = layer.scale.numpy().tobytes() + zero_point.numpy().tobytes()
    return table, positions, scales, _plain_codes(encoded, layer, encoding)


def _plain_codes(encoded: EncodedLayer, layer: QuantizedWeight, encoding: str) -> bytes:
    if encoding == ENTROPY and encoded.value_model:
        return b""
    if layer.bits >= 16:
        return (encoded.symbols if encoding == DENSE else encoded.values).tobytes()
    codes = to_unsigned(encoded.symbols, layer)
    return pack_bits(codes.ravel() if encoding == DENSE else codes[encoded.flags], layer.bits)


def header_bytes(model: Packable) -> int:
    """Compute the length in bytes of the header of a file with one encoding for all layers."""
    return len(_header(model, dict.fromkeys(model.layers, ENTROPY)))


def _header(model: Packable, encodings: Mapping[str, str]) -> bytes:
    values = ((f.name, getattr(model.recipe, f.name), f.default) for f in fields(Recipe))
    recipe = {name: value for name, value, default in values if value != default}
    layers = [[name, list(c.codes.shape), encodings[name]] for name, c in model.layers.items()]
    content: dict[str, object] = {
        "model": model.spec,
        "classes": list(model.class_names),
        "recipe": recipe,
        "layers": layers,
    }
    if model.spec is None and model.recipe.pruning == "channel":
        content["image"] = list(model.image)
    text = json.dumps(content, separators=(",", ":")).encode()
    if len(text) > MOST_TEXT_BYTES:
        raise ValueError(f"names and shapes take {len(text)} bytes, the most is {MOST_TEXT_BYTES}")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -12, 4, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    return deflate.compress(text) + deflate.flush()
