"""Reader of the packed file: bytes -> bit-identical weights.

Any input gives a model or a ValueError, and uses no more memory than the file and the model need:
lengths are checked before reading, the checksum before decoding, and shapes are compared with the
model before memory is allocated.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor, nn

from optiwidgets.engine.calibration.activation_ranges import Range
from optiwidgets.engine.models import channel_removal, preparation, zoo
from optiwidgets.engine.models.channel_groups import find_groups
from optiwidgets.engine.models.layers import other_parameters, prunable
from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.quantization.activations import quantize_activations
from optiwidgets.engine.quantization.weights import QuantizedWeight
from optiwidgets.engine.serialization.bit_packing import packed_length, unpack_bits
from optiwidgets.engine.serialization.encodings import (
    BITMASK,
    DENSE,
    ENTROPY,
    from_symbols,
    from_unsigned,
)
from optiwidgets.engine.serialization.entropy_coder import Reader
from optiwidgets.engine.serialization.position_model import read_flags
from optiwidgets.engine.serialization.symbol_models import Flags, Integers
from optiwidgets.engine.serialization.value_model import read_values
from optiwidgets.engine.serialization.writer import (
    CHECKSUM,
    DICTIONARY,
    FRAME,
    MAGIC,
    MOST_TEXT_BYTES,
)
from optiwidgets.engine.types.recipe import Recipe


def load_packed(path: str | os.PathLike[str], model: nn.Module | None = None) -> nn.Module:
    """Load a file written by ``Report.save`` as an eval-mode module with bit-identical weights.

    If the recipe quantizes activations, the module fake-quantizes them, as that of
    ``Report.model()``.

    Parameters
    ----------
    path
        The file.
    model
        For models outside the zoo: a new instance of the architecture. It is not changed; a copy
        is folded, reduced to the stored channels and filled with the weights.

    Raises
    ------
    ValueError
        The file is no packed model, is damaged, or does not match the model.

    Examples
    --------
    >>> load_packed("README.md")
    Traceback (most recent call last):
    ...
    ValueError: README.md cannot be loaded as a packed model: it does not begin with b'OWZ2'
    """
    if model is not None and not isinstance(model, nn.Module):
        raise ValueError(f"model is a torch module, not {type(model).__name__}")
    try:
        with open(path, "rb") as stream:
            header, entropy_coded, plain = _open(stream)
        net, recipe = _empty_model(header, model), Recipe(**header["recipe"])
        ranges = _fill(net, header["layers"], recipe, Reader(entropy_coded), _Plain(plain))
        return quantize_activations(net, ranges, recipe.activation_bits) if ranges else net
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{os.fspath(path)} cannot be loaded as a packed model: {error}"
        ) from error


def _open(file: BinaryIO) -> tuple[dict[str, Any], bytes, bytes]:
    """Read header, entropy-coded stream and plain sections; check lengths and checksum."""
    frame, size = file.read(FRAME.size), os.fstat(file.fileno()).st_size
    _check_magic(frame)
    if len(frame) < FRAME.size:
        raise ValueError(f"it is only {size} bytes long")
    _, header_bytes, stream_bytes, plain_bytes = FRAME.unpack(frame)
    whole = FRAME.size + header_bytes + stream_bytes + plain_bytes + CHECKSUM.size
    if size != whole:
        raise ValueError(f"it is {size} bytes long, its header accounts for {whole}")
    body = frame + file.read(whole - FRAME.size)
    (checksum,) = CHECKSUM.unpack(body[-CHECKSUM.size :])
    if zlib.crc32(body[: -CHECKSUM.size]) != checksum:
        raise ValueError("its checksum does not match: it was changed")
    stream = FRAME.size + header_bytes
    plain = stream + stream_bytes
    header = _inflate(body[FRAME.size : stream])
    return header, body[stream:plain], body[plain : -CHECKSUM.size]


def _check_magic(frame: bytes) -> None:
    name, version = MAGIC[:-1], frame[len(MAGIC) - 1 : len(MAGIC)]
    if frame[: len(name)] == name and version > MAGIC[-1:]:
        raise ValueError("it comes from a newer version of OptiWidgets")
    if frame[: len(name)] == name and b"0" <= version < MAGIC[-1:]:
        raise ValueError("it comes from an older version of OptiWidgets")
    if frame[: len(MAGIC)] != MAGIC:
        raise ValueError(f"it does not begin with {MAGIC!r}")


def _inflate(deflated: bytes) -> dict[str, Any]:
    inflate = zlib.decompressobj(-15, DICTIONARY)
    try:
        text = inflate.decompress(deflated, MOST_TEXT_BYTES)
    except zlib.error as error:
        raise ValueError(f"its header is not valid: {error}") from error
    if not inflate.eof or inflate.unused_data:
        raise ValueError("its header is not valid: it does not end where it should")
    header = json.loads(text)
    if not _is_header(header):
        raise ValueError("its header is not valid; it may come from a newer version")
    return dict(header)


def _is_header(header: object) -> bool:
    match header:
        case {"model": None | dict() as spec, "recipe": dict(), "layers": [*layers]}:
            known = spec is None or spec.keys() == Spec.__required_keys__
            return known and all(map(_is_layer, layers))
    return False


def _is_layer(entry: object) -> bool:
    match entry:
        case [str(), [_, *_] as shape, str()]:
            return all(type(length) is int for length in shape)
    return False


def _empty_model(header: Mapping[str, Any], model: nn.Module | None) -> nn.Module:
    """Build a folded model whose layers have the file's shapes."""
    if model is None and header["model"] is None:
        raise ValueError("it holds a model of your own; pass model=a fresh instance of it")
    stored = [name for name, _, _ in header["layers"]]
    net = preparation.restore(
        zoo.build_trainable(header["model"]) if model is None else model, stored
    )
    layers = prunable(net)
    if stored != list(layers):
        raise ValueError(f"its layers are {_listed(stored)}, those of the model {_listed(layers)}")
    shapes = [(name, shape) for name, shape, _ in header["layers"]]
    for name, shape in shapes:
        outputs = len(layers[name].weight)
        if not 1 <= shape[0] <= outputs:
            raise ValueError(f"layer {name!r} has {shape[0]} outputs, the model {outputs}")
    if any(shape[0] < len(layers[name].weight) for name, shape in shapes):
        groups = find_groups(net, torch.zeros(2, *_image_shape(header)))
        removed = channel_removal.channels_of_shapes(net, groups, shapes)
        net = channel_removal.remove_channels(net, removed, groups)
    for (name, shape, _), layer in zip(header["layers"], prunable(net).values(), strict=True):
        if list(layer.weight.shape) != shape:
            raise ValueError(f"layer {name!r} is {shape}, the model's {list(layer.weight.shape)}")
    return net


def _image_shape(header: Mapping[str, Any]) -> tuple[int, ...]:
    match header:
        case {"image": [int(), int(), int()] as image} if all(0 < n <= 4096 for n in image):
            return tuple(image)
        case {"model": {"channels": int(channels), "size": int(size)}}:
            return channels, size, size
    raise ValueError("channels were removed, and its header does not name the images' shape")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _fill(
    net: nn.Module, entries: Sequence[Any], recipe: Recipe, stream: Reader, plain: _Plain
) -> dict[str, Range]:
    """Decode all layers and other parameters into the model; check that no byte is left.

    Returns the activation ranges, empty if the recipe does not quantize activations.
    """
    modules, encodings = list(prunable(net).values()), [encoding for _, _, encoding in entries]
    for encoding in encodings:
        if encoding not in (DENSE, BITMASK, ENTROPY):
            raise ValueError(f"unknown encoding {encoding!r}; it may come from a newer version")
    weights = [module.weight for module in modules]
    recipes = [recipe.for_layer(name) for name, _, _ in entries]
    codebooks = [_read_centroids(plain, own) for own in recipes]
    masks = [
        _read_mask(plain, w) if encoding == BITMASK else None
        for w, encoding in zip(weights, encodings, strict=True)
    ]
    blanks = [
        _read_scales(plain, weight, codebook, own)
        for weight, codebook, own in zip(weights, codebooks, recipes, strict=True)
    ]
    ranged = [name for name, _, _ in entries] if recipe.activation_bits < 32 else []
    ranges = {name: _read_range(plain) for name in ranged}
    for weight, encoding, mask, blank in zip(weights, encodings, masks, blanks, strict=True):
        symbols = _read_symbols(stream, plain, encoding, mask, blank)
        weight.copy_(from_symbols(symbols, blank).decode())
    for tensor in other_parameters(net).values():
        tensor.copy_(plain.take(tensor.dtype, tensor.numel()).view(tensor.shape))
    stream.finish()
    plain.finish()
    return ranges


class _Plain:
    """Cursor over the plain sections; raises ValueError if they end too early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = memoryview(data), 0

    def bytes(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise ValueError(f"it ends {self.at + count - len(self.data)} bytes too early")
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def take(self, dtype: torch.dtype, count: int) -> Tensor:
        if not count:
            return torch.empty(0, dtype=dtype)
        size = torch.empty(0, dtype=dtype).element_size()
        return torch.frombuffer(bytearray(self.bytes(count * size)), dtype=dtype)

    def finish(self) -> None:
        if self.at != len(self.data):
            raise ValueError(f"{len(self.data) - self.at} bytes more than its header accounts for")


def _read_centroids(plain: _Plain, recipe: Recipe) -> Tensor:
    if recipe.scheme != "codebook" or recipe.bits >= 16:
        return torch.empty(0)
    return plain.take(torch.float32, plain.bytes(1)[0] + 1)


def _read_mask(plain: _Plain, weight: Tensor) -> Flags:
    total = weight.numel()
    flags = unpack_bits(plain.bytes(packed_length(total, 1)), 1, total)
    return flags.astype(np.bool_).reshape(len(weight), -1)


def _read_scales(
    plain: _Plain, weight: Tensor, codebook: Tensor, recipe: Recipe
) -> QuantizedWeight:
    """Read a layer's scales into a quantized weight with placeholders for codes and mask."""
    rows = len(weight) if recipe.granularity == "channel" else 1
    if recipe.bits >= 16 or recipe.scheme == "codebook":
        rows = 0
    scale = plain.take(torch.float32, rows)
    zero_points = rows if recipe.scheme == "affine" else 0
    zero_point = plain.take(torch.uint8, zero_points).to(torch.int16)
    return QuantizedWeight(weight, weight, recipe.bits, scale, zero_point, codebook)


def _read_range(plain: _Plain) -> Range:
    low, high = plain.take(torch.float32, 2).tolist()
    return low, high


def _read_symbols(
    stream: Reader, plain: _Plain, encoding: str, flags: Flags | None, blank: QuantizedWeight
) -> Integers:
    """Read a layer's symbols (R, I); ``flags`` is its bitmask, None without one."""
    shape, bits = (len(blank.codes), blank.codes[0].numel()), blank.bits
    if flags is None:
        flags = read_flags(stream, shape) if encoding == ENTROPY else np.ones(shape, np.bool_)
    count = int(flags.sum())
    symbols = np.zeros(shape, np.int32 if bits == 32 else np.int16)
    if bits >= 16:
        symbols[flags] = np.frombuffer(plain.bytes(count * bits // 8), symbols.dtype)
    elif encoding == ENTROPY:
        symbols[flags] = read_values(stream, count, bits)
    else:
        symbols[flags] = unpack_bits(plain.bytes(packed_length(count, bits)), bits, count)
        symbols = np.where(flags, from_unsigned(symbols, blank), np.int16(0))
    if blank.centroids.numel() and not 0 <= symbols.min() <= symbols.max() <= len(blank.centroids):
        raise ValueError(f"a layer has codes beyond its {len(blank.centroids)} centroids")
    return symbols
