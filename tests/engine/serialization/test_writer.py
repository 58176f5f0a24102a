from __future__ import annotations

import copy
import itertools
import json
import os
import zlib
from contextlib import suppress
from dataclasses import replace
from math import prod

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models import zoo
from optiwidgets.engine.quantization.weights import encode
from optiwidgets.engine.serialization.encodings import BITMASK, DENSE, ENTROPY, fit
from optiwidgets.engine.serialization.reader import load_packed
from optiwidgets.engine.serialization.writer import (
    CHECKSUM,
    DICTIONARY,
    FRAME,
    MAGIC,
    Packable,
    Sections,
    pack,
    packed_parts,
    save,
)
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe

UNHURRIED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
MATRIX = [
    Recipe(sparsity=0.62, pruning=pruning, bits=bits, granularity=granularity, scheme=scheme)
    for pruning, bits, granularity, scheme in itertools.product(
        ("global", "layer", "channel"),
        BIT_WIDTHS,
        ("tensor", "channel"),
        ("symmetric", "affine", "codebook"),
    )
    if bits > 1 or scheme == "symmetric"
]
EDGES = [
    Recipe(),
    Recipe(bits=1),
    Recipe(bits=3, scheme="affine", clip="percentile"),
    Recipe(sparsity=0.99, bits=1),
    Recipe(sparsity=0.99, bits=2, pruning="channel"),
    Recipe(sparsity=0.05, bits=3, granularity="channel"),
    Recipe(sparsity=0.5, score="random", seed=9, bits=5, clip="mse"),
    Recipe(pruning="1:4", bits=2, scheme="ternary", granularity="channel"),
    Recipe(sparsity=0.7, score="lamp", bits=3, recovery="sequential"),
    Recipe(bits=2, scheme="affine", rounding="gptq"),
    Recipe(bits=16, recovery="bias"),
]


@pytest.fixture(scope="module")
def few(digits):
    """Open the shipped CNN on 90 digits."""
    images, labels = digits.dataset.exploration
    dataset = replace(digits.dataset, exploration=(images[::17].clone(), labels[::17].clone()))
    return Experiment(zoo.load_trained("small"), dataset)


@pytest.fixture(scope="module")
def file(own, tmp_path_factory):
    """Write a small file with all kinds of content: positions, codes, scales, zero points, rest."""
    path = tmp_path_factory.mktemp("packed") / "own.owz"
    own.run(Recipe(sparsity=0.6, bits=3, scheme="affine", granularity="channel")).save(path)
    return path


def same_bits(one, other):
    """Return True if two modules hold bit-identical tensors under the same names."""
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(
        ours[name].numpy().tobytes() == theirs[name].numpy().tobytes() for name in ours
    )


def reframe(header, plain, stream=b"\x80", magic=MAGIC):
    """Build a file of a header, plain bytes and stream, with matching lengths and checksum."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    deflate = zlib.compressobj(wbits=-15, zdict=DICTIONARY)
    deflated = deflate.compress(text) + deflate.flush()
    body = FRAME.pack(magic, len(deflated), len(stream), len(plain)) + deflated + stream + plain
    return body + CHECKSUM.pack(zlib.crc32(body))


def unframe(data):
    _, header, stream, _ = FRAME.unpack_from(data)
    stream_at, plain_at = FRAME.size + header, FRAME.size + header + stream
    text = zlib.decompressobj(-15, DICTIONARY).decompress(data[FRAME.size : stream_at])
    return json.loads(text), data[plain_at : -CHECKSUM.size], data[stream_at:plain_at]


# Choice of the smaller encoding


@pytest.mark.parametrize(
    ("bits", "kept", "how"),
    [
        (4, 40, DENSE),
        (4, 39, DENSE),  # probabilities and histogram cost more than they save
        (1, 40, DENSE),
        (8, 0, ENTROPY),
        (32, 40, DENSE),
        (32, 30, BITMASK),
        (32, 1, ENTROPY),
    ],
)
def test_a_layer_takes_the_smallest_encoding(bits, kept, how):
    order = torch.randperm(40, generator=torch.Generator().manual_seed(3)).view(5, 8)
    assert fit(encode(order - 19.5, order < kept, Recipe(bits=bits))).smallest == how


SMALLEST = [Recipe(), Recipe(bits=16), Recipe(sparsity=0.5, bits=1), Recipe(0.2, bits=3)]
SMALLEST += [Recipe(sparsity, bits=bits) for sparsity in (0, 0.01, 0.05, 0.8) for bits in (6, 8)]
SMALLEST += [Recipe(sparsity, "channel", bits=bits) for sparsity in (0.3, 0.8) for bits in (1, 8)]


@pytest.mark.parametrize("recipe", SMALLEST, ids=str)
@pytest.mark.parametrize("case", ["few", "own"])
def test_no_encoding_of_all_layers_is_smaller(request, case, recipe):
    packable = request.getfixturevalue(case)._compressor.compress(recipe).packable
    least = sum(packed_parts(packable).values())
    assert least == len(pack(packable))
    for encoding in (DENSE, BITMASK, ENTROPY):
        assert sum(packed_parts(packable, encoding).values()) >= least


def test_one_bit_and_codebooks_with_zeros_cannot_be_dense():
    weight = torch.arange(12.0).view(3, 4)
    for recipe in (Recipe(bits=1), Recipe(bits=2, scheme="codebook")):
        assert DENSE in fit(encode(weight, weight >= 0, recipe)).bytes
        assert DENSE not in fit(encode(weight, weight > 0, recipe)).bytes


def test_the_baseline_is_floats_and_nothing_else(own):
    parts = own.run(Recipe()).size.parts
    nothing = parts["positions"], parts["scales"], parts["tables"]
    assert (parts["codes"], nothing) == (4 * 435, (0, 0, 0))
    floats = 4 * (5 + 7 + 6 + 3) + 4 * 4 * (2 + 5) + 2 * 8  # biases, two BatchNorms, their counters
    assert parts["biases"] == floats


def test_the_parts_of_a_file_by_hand(own):
    recipe = Recipe(sparsity=0.5, pruning="layer", bits=8, granularity="channel", scheme="affine")
    packable = own._compressor.compress(recipe).packable
    kept = [int(coded.decode().count_nonzero()) for coded in packable.layers.values()]
    parts = packed_parts(packable, BITMASK)
    assert (parts["codes"], parts["positions"]) == (sum(kept), 8 + 14 + 32 + 3)
    assert parts["scales"] == (5 + 7 + 6 + 3) * (4 + 1)
    dense = packed_parts(packable, DENSE)
    assert (dense["codes"], dense["positions"], dense["tables"]) == (435, 0, 0)


def test_a_codebook_counts_as_tables(own):
    parts = packed_parts(
        own._compressor.compress(Recipe(bits=2, scheme="codebook")).packable, DENSE
    )
    assert parts["tables"] == 4 * (1 + 4 * 4)
    assert parts["scales"] == 0


# Files


@pytest.mark.parametrize("recipe", MATRIX + EDGES, ids=str)
def test_a_zoo_model_comes_back_bit_for_bit(few, tmp_path, recipe):
    report = few.run(recipe)
    report.save(tmp_path / "m.owz")
    loaded = load_packed(tmp_path / "m.owz")
    assert same_bits(loaded, report.model())
    assert (tmp_path / "m.owz").stat().st_size == report.size.total_bytes


@pytest.mark.parametrize("recipe", MATRIX + EDGES, ids=str)
def test_an_own_model_comes_back_bit_for_bit_batchnorms_included(own, make_own, tmp_path, recipe):
    report = own.run(recipe)
    report.save(tmp_path / "m.owz")
    loaded = load_packed(tmp_path / "m.owz", model=make_own(seed=99))
    assert same_bits(loaded, report.model())
    assert (tmp_path / "m.owz").stat().st_size == report.size.total_bytes


@pytest.mark.parametrize("recipe", EDGES, ids=str)
def test_a_loaded_model_predicts_what_the_report_says(few, assert_classes, tmp_path, recipe):
    report = few.run(recipe)
    report.save(tmp_path / "m.owz")
    loaded = load_packed(tmp_path / "m.owz")
    with torch.inference_mode():
        scores = loaded(few.dataset.exploration[0])
        assert torch.equal(scores, report.model()(few.dataset.exploration[0]))
    assert_classes(report.predictions, scores)
    assert not any(m.training for m in loaded.modules())


ROUNDED = [
    Recipe(bits=8, activation_bits=8),
    Recipe(sparsity=0.5, bits=4, activation_bits=3, granularity="channel", scheme="affine"),
    Recipe(sparsity=0.5, pruning="channel", activation_bits=4),
    Recipe(bits=3, scheme="codebook", activation_bits=2),
]


@pytest.mark.parametrize("recipe", ROUNDED, ids=str)
def test_ranges_of_activations_are_in_the_file(own, make_own, tmp_path, recipe):
    report, images = own.run(recipe), own.dataset.exploration[0]
    report.save(tmp_path / "m.owz")
    loaded = load_packed(tmp_path / "m.owz", model=make_own(seed=99))
    with torch.inference_mode():
        scores, plain = loaded(images), own.run(replace(recipe, activation_bits=32))
        assert torch.equal(scores, report.model()(images))
        assert not torch.equal(scores, plain.model()(images))
    assert (tmp_path / "m.owz").stat().st_size == report.size.total_bytes
    assert report.size.parts["scales"] - plain.size.parts["scales"] == 8 * 4  # two floats a layer


@pytest.mark.parametrize("scheme", ["symmetric", "affine", "codebook"])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_layers_of_their_own_bits_come_back_bit_for_bit(
    own, make_own, tmp_path, scheme, granularity
):
    layers = (("wide", 0.9, None), ("deep", None, 16), ("hidden", 0.2, 2), ("head", None, 32))
    report = own.run(
        Recipe(sparsity=0.5, bits=5, scheme=scheme, granularity=granularity, layers=layers)
    )
    report.save(tmp_path / "m.owz")
    assert (tmp_path / "m.owz").stat().st_size == report.size.total_bytes
    assert same_bits(load_packed(tmp_path / "m.owz", model=make_own()), report.model())


def test_a_forged_range_of_activations_is_refused(own, make_own, tmp_path):
    packable = own._compressor.compress(Recipe(bits=8, activation_bits=8)).packable
    ranges = dict(packable.ranges) | {next(iter(packable.ranges)): (0.5, float("inf"))}
    save(replace(packable, ranges=ranges), tmp_path / "m.owz")
    with pytest.raises(ValueError, match="range of activations is finite and contains 0"):
        load_packed(tmp_path / "m.owz", model=make_own())


def test_the_fresh_instance_stays_as_it_is(own, make_own, tmp_path):
    fresh = make_own(seed=99).train()
    before = copy.deepcopy(fresh)
    own.run(Recipe(sparsity=0.5, pruning="channel", bits=4)).save(tmp_path / "m.owz")
    load_packed(tmp_path / "m.owz", model=fresh)
    assert same_bits(fresh, before)
    assert fresh.training
    assert fresh.wide.out_channels == 5


def test_fields_with_nothing_to_act_on_cost_no_bytes(own):
    baseline = own.run(Recipe()).size
    for idle in (
        Recipe(pruning="layer", score="random", seed=3),
        Recipe(pruning="channel", granularity="channel", scheme="affine", clip="mse"),
    ):
        assert own.run(idle).size.parts == baseline.parts
        assert own.run(idle).size.ratio == 1.0


def test_saving_fails_whole_and_leaves_the_old_file(own, tmp_path, monkeypatch):
    path = tmp_path / "m.owz"
    path.write_bytes(b"old")

    def full(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for target in (path, tmp_path / "new.owz"):
        with pytest.raises(OSError, match="no space left"):
            own.run(Recipe(bits=4)).save(target)
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("m.owz", b"old")]


def test_saving_where_there_is_no_folder_says_so(own, tmp_path):
    path = tmp_path / "nowhere" / "m.owz"
    with pytest.raises(FileNotFoundError, match=f"'{path}'$"):
        own.run(Recipe()).save(path)


def test_a_failed_save_names_the_file_that_was_asked_for(own, tmp_path):
    (tmp_path / "folder.owz").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "folder.owz", tmp_path / "file" / "m.owz"):
        for write in (own.run(Recipe()).save, own.run(Recipe()).export):
            with pytest.raises(OSError, match=f"'{path}'$") as caught:
                write(path)
            assert caught.value.filename == str(path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["file", "folder.owz"]


def test_a_saved_file_replaces_the_old_one_and_is_as_readable_as_any(own, tmp_path):
    (tmp_path / "m.owz").write_bytes(b"old")
    own.run(Recipe(bits=4)).save(str(tmp_path / "m.owz"))
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "m.owz").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "m.owz").read_bytes()[:4] == MAGIC
    assert sorted(f.name for f in tmp_path.iterdir()) == ["m.owz", "plain"]


# Corrupted files


@pytest.fixture
def refused(tmp_path, make_own):
    """Write these bytes to a file, and assert that it is refused with a matching message."""

    def check(data, message, model=None):
        (tmp_path / "bad.owz").write_bytes(data)
        with pytest.raises(ValueError, match=message) as caught:
            load_packed(tmp_path / "bad.owz", model=model or make_own())
        assert str(tmp_path / "bad.owz") in str(caught.value)
        assert len(str(caught.value)) < 500 + len(str(tmp_path))

    return check


def test_a_file_cut_short_anywhere_is_refused(file, refused):
    data = file.read_bytes()
    for length in (*range(FRAME.size + 2), 100, len(data) // 2, *range(len(data) - 6, len(data))):
        message = "does not begin with" if length < 4 else "bytes long"
        refused(data[:length], message)


@pytest.mark.parametrize("more", [b"\0", b"\0" * 4, b"x" * 10_000])
def test_a_file_with_more_behind_it_is_refused(file, refused, more):
    refused(file.read_bytes() + more, "bytes long, its header accounts for")


def test_a_file_with_terabytes_behind_it_is_refused_unread(file, tmp_path, make_own):
    huge = tmp_path / "huge.owz"
    huge.write_bytes(file.read_bytes())
    os.truncate(huge, 2**42)
    with pytest.raises(ValueError, match="4398046511104 bytes long"):
        load_packed(huge, model=make_own())


def test_every_flipped_byte_is_noticed(file, refused):
    data = bytearray(file.read_bytes())
    for place in range(len(data)):
        data[place] ^= 0x41
        refused(bytes(data), "does not begin with|newer version|bytes long|checksum does not match")
        data[place] ^= 0x41


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_of_the_last_bytes_is_noticed(file, refused, bit):
    data = bytearray(file.read_bytes())
    for place in (0, 5, len(data) // 2, len(data) - 1):
        damaged = data.copy()
        damaged[place] ^= 1 << bit
        refused(
            bytes(damaged), "does not begin with|newer version|bytes long|checksum does not match"
        )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"{}", b"OWZ", b"OWZ!" * 9])
def test_another_file_under_this_name_is_refused(refused, content):
    refused(content, "cannot be loaded as a packed model: it does not begin with b'OWZ2'")


def test_forging_a_file_is_possible_here(file, own, make_own, tmp_path):
    (tmp_path / "forged.owz").write_bytes(reframe(*unframe(file.read_bytes())))
    loaded = load_packed(tmp_path / "forged.owz", model=make_own())
    recipe = Recipe(sparsity=0.6, bits=3, scheme="affine", granularity="channel")
    assert same_bits(loaded, own.run(recipe).model())


LAYER, SHAPE = "wide", [5, 2, 3, 2]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            [LAYER, [10**12, 2, 3, 2], "dense"],
            "layer 'wide' has 1000000000000 outputs, the model 5",
        ),
        ([LAYER, [5, 10**12, 3, 2], "dense"], "layer 'wide' is .*1000000000000.*the model's"),
        ([LAYER, [0, 2, 3, 2], "dense"], "layer 'wide' has 0 outputs"),
        ([LAYER, [-5, 2, 3, 2], "dense"], "layer 'wide' has -5 outputs"),
        (
            [LAYER, [5, 2, 2, 3], "dense"],
            r"layer 'wide' is \[5, 2, 2, 3\], the model's \[5, 2, 3, 2\]",
        ),
        ([LAYER, SHAPE, "zstd"], "unknown encoding 'zstd'; it may come from a newer version"),
        ([LAYER, [3.0, 2, 3, 2], "dense"], "its header is not valid"),
        ([LAYER, [True, 2, 3, 2], "dense"], "its header is not valid"),
        ([LAYER, [], "dense"], "its header is not valid"),
        ([LAYER, "5232", "dense"], "its header is not valid"),
        ([LAYER, SHAPE], "its header is not valid"),
        (LAYER, "its header is not valid"),
        (
            ["narrow", SHAPE, "dense"],
            "its layers are 'narrow', 'deep', 'hidden', 'head', those of the model 'wide', 'deep'",
        ),
    ],
)
def test_an_absurd_layer_is_refused_though_the_checksum_fits(file, refused, layer, message):
    header, *rest = unframe(file.read_bytes())
    header["layers"][0] = layer
    refused(reframe(header, *rest), message)


@pytest.mark.parametrize("other", ["dense", "bitmask", "entropy"])
def test_another_encoding_of_a_layer_is_refused_though_the_checksum_fits(file, refused, other):
    header, *rest = unframe(file.read_bytes())
    largest = max((row for row in header["layers"] if row[2] != other), key=lambda r: prod(r[1]))
    largest[2] = other  # of a small layer, two encodings can have equally many bytes
    refused(reframe(header, *rest), "bytes too early|bytes more than|cannot be loaded as a packed")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("recipe", {"sparsity": 10**400}, "sparsity is a fraction"),
        ("recipe", {"bits": 9}, "bits per weight"),
        ("recipe", {"bits": 3, "scheme": "shiny"}, "scheme is one of"),
        ("recipe", {"shiny": 1}, "shiny"),
        ("recipe", [], "its header is not valid"),
        ("layers", {}, "its header is not valid"),
        ("layers", [], "its layers are none, those of the model 'wide'"),
        ("model", "small", "its header is not valid"),
        ("model", {"name": "small"}, "its header is not valid"),
    ],
)
def test_an_absurd_header_is_refused_though_the_checksum_fits(file, refused, field, value, message):
    header, *rest = unframe(file.read_bytes())
    header[field] = value
    refused(reframe(header, *rest), message)


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"\xff\xfe", b"{", b"{}", b"[" * 100_000])
def test_a_header_that_is_none_is_refused(refused, text):
    refused(reframe(text, b""), "cannot be loaded as a packed model")


@pytest.mark.parametrize(
    ("field", "value"), [("size", 10**6), ("classes", 10**12), ("channels", -1), ("name", "vast")]
)
def test_a_zoo_model_out_of_all_proportion_is_refused(few, tmp_path, field, value):
    few.run(Recipe(bits=4)).save(tmp_path / "m.owz")
    header, *rest = unframe((tmp_path / "m.owz").read_bytes())
    header["model"][field] = value
    (tmp_path / "m.owz").write_bytes(reframe(header, *rest))
    with pytest.raises(
        ValueError, match=f"{'model' if field == 'name' else field} .*not {value!r}"
    ):
        load_packed(tmp_path / "m.owz")


def test_bytes_too_few_or_too_many_are_refused_though_the_checksum_fits(file, refused):
    header, plain, stream = unframe(file.read_bytes())
    refused(reframe(header, plain + b"\0", stream), "1 bytes more than its header accounts for")
    refused(reframe(header, plain[:-1], stream), "it ends 1 bytes too early")
    refused(reframe(header, plain, stream + b"\x01"), "entropy-coded stream")
    refused(reframe(header, plain, stream + b"\0"), "ends in a zero byte")


def test_a_newer_version_is_named(file, refused):
    for version in b"3", b"9", b"A":
        newer = reframe(*unframe(file.read_bytes()), magic=MAGIC[:-1] + version)
        refused(newer, "it comes from a newer version of OptiWidgets")


def test_an_older_version_is_named(refused):
    for version in b"0", b"1":
        refused(MAGIC[:-1] + version + bytes(40), "it comes from an older version of OptiWidgets")


def test_a_header_that_inflates_without_end_is_refused(refused):
    refused(reframe(b" " * 2**24, b""), "its header is not valid: it does not end")


@given(
    st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(["stream", "plain", "both"])
)
@settings(suppress_health_check=UNHURRIED, deadline=None)
def test_garbage_whose_checksum_fits_gives_a_model_or_a_value_error(
    file, make_own, tmp_path, garbage, more, which
):
    header, plain, stream = unframe(file.read_bytes())
    forged = reframe(
        header,
        plain if which == "stream" else garbage + plain[len(garbage) :],
        stream if which == "plain" else more,
    )
    (tmp_path / "forged.owz").write_bytes(forged)
    with suppress(ValueError):
        load_packed(tmp_path / "forged.owz", model=make_own())


@given(st.data())
@settings(suppress_health_check=UNHURRIED, deadline=None)
def test_a_changed_stream_whose_checksum_fits_gives_a_model_or_a_value_error(
    file, make_own, tmp_path, data
):
    header, plain, stream = unframe(file.read_bytes())
    at = data.draw(st.integers(0, len(stream) - 1))
    flipped = bytes([stream[at] ^ data.draw(st.integers(1, 255))])
    forged = reframe(header, plain, stream[:at] + flipped + stream[at + 1 :])
    (tmp_path / "forged.owz").write_bytes(forged)
    with suppress(ValueError):
        load_packed(tmp_path / "forged.owz", model=make_own())


def test_a_code_beyond_the_codebook_is_refused(own, refused):
    packable = own._compressor.compress(Recipe(bits=2, scheme="codebook")).packable
    books = {
        name: replace(coded, centroids=coded.centroids[:2])
        for name, coded in packable.layers.items()
    }
    refused(pack(replace(packable, layers=books)), "codes beyond its 2 centroids")


# All kinds of layers


@st.composite
def _layers(draw):
    """Strategy for layers of any shape, zeros and recipe."""
    shape = draw(st.lists(st.integers(1, 7), min_size=2, max_size=4))
    seed, kind = draw(st.integers(0, 2**16)), draw(st.sampled_from(["normal", "equal", "zero"]))
    generator = torch.Generator().manual_seed(seed)
    weight = {
        "normal": torch.randn(shape, generator=generator),
        "equal": torch.full(shape, 0.3),
        "zero": torch.zeros(shape),
    }[kind]
    sparsity = draw(st.sampled_from([0.0, 0.03, 0.3, 0.6, 0.9, 1.0]))
    bits = draw(st.sampled_from(BIT_WIDTHS))
    recipe = Recipe(
        bits=bits,
        granularity=draw(st.sampled_from(["tensor", "channel"])),
        scheme=draw(st.sampled_from(["symmetric", *(["affine", "codebook"] if bits > 1 else [])])),
    )
    mask = torch.rand(shape, generator=generator) >= sparsity
    return encode(weight, mask, recipe), recipe


class OneLayer(nn.Module):
    """Net of one layer with a given weight, which is never run."""

    def __init__(self, shape):
        super().__init__()
        linear = len(shape) == 2
        kernel = (*shape[2:], 1, 1)[:2]
        self.layer = (
            nn.Linear(shape[1], shape[0]) if linear else nn.Conv2d(shape[1], shape[0], kernel)
        )

    def forward(self, images):
        return self.layer(images)


@given(_layers())
@settings(suppress_health_check=UNHURRIED, deadline=None)
def test_every_layer_comes_back_bit_for_bit(tmp_path, case):
    coded, recipe = case
    shape = coded.codes.shape if len(coded.codes.shape) != 3 else (*coded.codes.shape, 1)
    coded = replace(coded, codes=coded.codes.view(shape), mask=coded.mask.view(shape))
    net = OneLayer(shape).eval().requires_grad_(False)
    net.layer.weight.copy_(coded.decode())
    packable = Packable(recipe, net, {"layer": coded}, ["a"], None)
    fitted = fit(coded)
    for encoding in (DENSE, BITMASK, ENTROPY):
        how = {"layer": encoding if encoding in fitted.bytes else fitted.smallest}
        data = Sections(packable, {"layer": fitted}, how).file()
        assert len(data) == sum(packed_parts(packable, encoding).values()) >= len(pack(packable))
        (tmp_path / "m.owz").write_bytes(data)
        loaded = load_packed(tmp_path / "m.owz", model=OneLayer(shape))
        assert same_bits(loaded, net)
    assert len(pack(packable)) == sum(packed_parts(packable).values())


def test_an_own_model_needs_an_instance_that_fits(file, refused, toy):
    with pytest.raises(
        ValueError, match="it holds a model of your own; pass model=a fresh instance"
    ):
        load_packed(file)
    other = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten(), nn.Linear(162, 3))
    layers = "its layers are 'wide', 'deep', 'hidden', 'head', those of the model "
    refused(file.read_bytes(), f"{layers}'0', '2'", other)
    refused(file.read_bytes(), f"{layers}''", nn.Linear(3, 3))


@pytest.mark.parametrize("model", ["small", nn.Linear, 3])
def test_what_is_no_instance_is_refused(file, model):
    with pytest.raises(ValueError, match="model is a torch module, not "):
        load_packed(file, model=model)


def test_a_file_that_is_not_there_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_packed(tmp_path / "nothing.owz")
