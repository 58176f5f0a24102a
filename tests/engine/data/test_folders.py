"""Folders of pictures: each expected value is computed from the files with PIL or numpy only."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from optiwidgets.engine.data import stored_part
from optiwidgets.engine.data.dataset import PARTS, Dataset, fingerprint
from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.image_grid import plot_images


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def pictures(random):
    """Write pictures of noise into a folder, all different."""

    def write(folder, count, shape=(12, 12, 3)):
        folder.mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
        return folder

    return write


@pytest.fixture
def classes(tmp_path):
    """Write 8 pictures of each of two classes, drawn by a function, and load them."""

    def load(draw, suffix="png", size=40, save=None, **options):
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            for index in range(8):
                draw(name, index).save(tmp_path / name / f"{index}.{suffix}", **(save or {}))
        return load_dataset(tmp_path, size=size, **options)

    return load


def all_pixels(dataset):
    """Return pixels 0..1 of all parts, and labels."""
    parts = [getattr(dataset, name) for name in PARTS]
    images, labels = (torch.cat(list(both)) for both in zip(*parts, strict=True))
    return dataset.pixels(images), labels


def counts(dataset):
    classes = len(dataset.class_names)
    return [getattr(dataset, name)[1].bincount(minlength=classes).tolist() for name in PARTS]


def bytes_of(dataset, part):
    pixels = dataset.pixels(getattr(dataset, part)[0])
    return {image.tobytes() for image in (255 * pixels).round().to(torch.uint8).numpy()}


def bytes_in(folder):
    files = folder.rglob("*.png")
    return {np.asarray(Image.open(file)).transpose(2, 0, 1).tobytes() for file in files}


# Depth, orientation, transparency


@pytest.mark.parametrize("gray", [True, False])
def test_16_bit_grey_is_read_by_its_full_range(classes, random, gray):
    drawn = {
        name: [random.integers(low, high, (40, 40), dtype=np.uint16) for _ in range(8)]
        for name, low, high in (("a", 2000, 20000), ("b", 30000, 65536))
    }
    dataset = classes(lambda name, index: Image.fromarray(drawn[name][index]), gray=gray)
    pixels, labels = all_pixels(dataset)
    assert pixels.shape[1] == (1 if gray else 3)
    for label, name in enumerate("ab"):
        ours = np.sort(pixels[labels == label][:, 0].numpy().ravel())
        truth = np.sort(np.ravel(drawn[name]) / 65535)
        np.testing.assert_allclose(ours, truth, atol=0.5 / 255 + 1e-5)


def test_16_bits_that_use_12_alone_are_said_to_come_out_dark(classes, random):
    with pytest.warns(UserWarning, match=r"16 pictures have 16 bits .* brighter than 4095"):
        classes(lambda *_: Image.fromarray(twelve_bits(random)))


def twelve_bits(random):
    """Make a picture of 12 bits: pixels of 0 to 4095, including 4095."""
    pixels = random.integers(0, 4096, (40, 40), dtype=np.uint16)
    pixels[0] = 4095
    return pixels


def test_floats_of_0_to_1_are_pixels(classes, random):
    drawn = {name: random.uniform(-0.01, 1.01, (8, 40, 40)).astype(np.float32) for name in "ab"}
    dataset = classes(lambda name, index: Image.fromarray(drawn[name][index]), "tif")
    pixels, labels = all_pixels(dataset)
    for label, name in enumerate("ab"):
        ours = np.sort(pixels[labels == label][:, 2].numpy().ravel())
        np.testing.assert_allclose(
            ours, np.sort(drawn[name].ravel().clip(0, 1)), atol=0.5 / 255 + 1e-5
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            np.array([[0, 255]], np.float32),
            r"a/0.tif: floats from 0 to 255, and black and white",
        ),
        (np.array([[-1, 1]], np.float32), r"a/0.tif: floats from -1 to 1"),
        (np.array([[0, np.nan]], np.float32), r"a/0.tif: floats from nan to nan"),
        (np.array([[0, 70000]], np.int32), r"a/0.tif: integers of 32 bits from 0 to 70000 have no"),
    ],
)
def test_values_whose_range_is_unknown_are_refused_by_file(classes, values, message):
    with pytest.raises(ValueError, match=message):
        classes(lambda *_: Image.fromarray(np.tile(values, (20, 10))), "tif")


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photographs_orientation_is_honoured(classes, tmp_path, random, orientation):
    def photograph(*_):
        pixels = random.integers(0, 60, (40, 40, 3), dtype=np.uint8)
        pixels[:20, :10] += 150  # one bright corner
        return Image.fromarray(pixels)

    exif = Image.Exif()
    exif[0x0112] = orientation
    dataset = classes(photograph, "jpg", save={"exif": exif})
    shown = ImageOps.exif_transpose(Image.open(tmp_path / "a" / "0.jpg"))
    bright = (np.asarray(shown, float).mean(2) / 255).reshape(2, 20, 2, 20).mean((1, 3))
    pixels, _ = all_pixels(dataset)
    ours = pixels.mean((0, 1)).numpy().reshape(2, 20, 2, 20).mean((1, 3))
    np.testing.assert_allclose(ours, bright, atol=0.02)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_laid_on_white_and_counted(classes, random, mode):
    def transparent(name, _):
        if mode == "P":
            picture = Image.fromarray(random.integers(1, 256, (40, 40), dtype=np.uint8), "L")
            picture = picture.convert("P")
            picture.paste(0, (0, 0, 40, 8))
            picture.info["transparency"] = 0
            return picture
        channels = random.integers(0, 256, (40, 40, len(mode)), dtype=np.uint8)
        channels[:8, :, -1], channels[8:, :, -1] = 0, 255
        return Image.fromarray(channels)

    with pytest.warns(UserWarning, match="16 pictures are partly transparent: white background"):
        pixels, _ = all_pixels(classes(transparent))
    torch.testing.assert_close(pixels[:, :, :8], torch.ones_like(pixels[:, :, :8]))
    assert pixels[:, :, 8:].std() > 0.2


def test_half_transparent_pixels_are_halfway_to_white(classes):
    def veil(name, index):
        return Image.new(
            "RGBA", (40, 40), (16 * index + 8 * (name == "b"), 0, 0, 51)
        )  # a fifth of it covers the white

    with pytest.warns(UserWarning, match="partly transparent"):
        pixels, _ = all_pixels(classes(veil))
    torch.testing.assert_close(
        pixels[:, 1:], torch.full_like(pixels[:, 1:], 0.8), atol=3e-3, rtol=0
    )


def test_alpha_that_hides_nothing_is_no_transparency(classes, random):
    def opaque(*_):
        return Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)).convert("RGBA")

    assert len(all_pixels(classes(opaque))[1]) == 16


# Size and proportions


def as_torchvision_would(picture, size, resize, transforms):
    height, width = size
    if resize == "squash":
        return transforms.resize(picture, [height, width])
    scale = max(height / picture.height, width / picture.width)
    scaled = transforms.resize(
        picture, [int(picture.height * scale + 1e-9), int(picture.width * scale + 1e-9)]
    )
    return transforms.center_crop(scaled, [height, width])


@pytest.mark.parametrize("resize", ["crop", "squash"])
@pytest.mark.parametrize("size", [(20, 20), (16, 24), (33, 10)])
def test_resizing_is_torchvisions(torchvision, pictures, tmp_path, resize, size):
    from torchvision.transforms.v2 import functional as transforms

    for name in "ab":
        pictures(tmp_path / name, 4, shape=(50, 75, 3))
    dataset = load_dataset(tmp_path, size=size, resize=resize)
    truth = {
        np.asarray(as_torchvision_would(Image.open(file), size, resize, transforms))
        .transpose(2, 0, 1)
        .tobytes()
        for file in tmp_path.rglob("*.png")
    }
    assert dataset.shape == (3, *size)
    assert set().union(*(bytes_of(dataset, part) for part in PARTS)) == truth


def test_padding_keeps_the_whole_picture_in_the_middle(pictures, tmp_path):
    for name in "ab":
        pictures(tmp_path / name, 4, shape=(40, 80, 3))
    pixels, _ = all_pixels(load_dataset(tmp_path, size=40, resize="pad"))
    torch.testing.assert_close(pixels[:, :, :10], torch.zeros(8, 3, 10, 40), atol=1e-6, rtol=0)
    torch.testing.assert_close(pixels[:, :, 30:], torch.zeros(8, 3, 10, 40), atol=1e-6, rtol=0)
    whole = {
        np.asarray(Image.open(file).resize((40, 20), Image.Resampling.BILINEAR)).tobytes()
        for file in tmp_path.rglob("*.png")
    }
    inner = (255 * pixels[:, :, 10:30]).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    assert {image.numpy().tobytes() for image in inner} == whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resize": "fit"}, "resize is one of 'crop', 'squash', 'pad', not 'fit'"),
        ({"std": 0}, "std is above 0, not 0"),
        ({"mean": [0.5, 0.5]}, r"mean is one finite number or one per channel \(3\)"),
        ({"classes": "a"}, "classes are names of folders, not 'a'"),
        ({"classes": ["a", "c"]}, "has no class 'c'; it has a, b"),
        ({"parts": {"train": 0.5, "sealed": 0.5}}, "parts are shares above 0 of train, calibratio"),
        ({"parts": {"train": "a", "sealed": 0.5}}, "parts are folders or shares, not both"),
        ({"parts": {"train": "c"}}, "not 'train': 'c'"),
        (
            {"mean": [123.7, 116.3, 103.5]},
            r"mean is of pixels 0..1, not \[123.7, 116.3, 103.5\]; div",
        ),
        ({"std": 58.4}, "std is of pixels 0..1, not 58.4; divide by 255"),
        ({"mean": -0.5}, "mean is of pixels 0..1, not -0.5"),
        ({"seed": 1.5}, "seed is a whole number, 0 or more, not 1.5"),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(pictures, tmp_path, options, message):
    for name in "ab":
        pictures(tmp_path / name, 4)
    with pytest.raises(ValueError, match=message):
        load_dataset(tmp_path, **options)


def test_options_of_folders_are_refused_for_names():
    with pytest.raises(ValueError, match="'digits' has a fixed size and fixed parts"):
        load_dataset("digits", gray=True)


def test_given_moments_normalize_and_lead_back(pictures, tmp_path):
    for name in "ab":
        pictures(tmp_path / name, 6)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    dataset = load_dataset(tmp_path, size=12, mean=mean, std=std)
    assert (dataset.mean, dataset.std) == (mean, std)
    images = torch.cat([getattr(dataset, part)[0] for part in PARTS]).double()
    truth = np.stack([np.asarray(Image.open(file)) for file in tmp_path.rglob("*.png")]) / 255
    wanted = ((truth - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(np.sort(images, None), np.sort(wanted, None), atol=1e-6)


def test_one_number_is_for_all_channels(pictures, tmp_path):
    for name in "ab":
        pictures(tmp_path / name, 4)
    dataset = load_dataset(tmp_path, size=12, mean=0.5, std=0.25)
    assert (dataset.mean, dataset.std) == ([0.5] * 3, [0.25] * 3)


# Folders that are parts


def test_train_val_and_test_are_parts(pictures, tmp_path):
    for part, count in (("train", 20), ("val", 6), ("test", 5)):
        for name in ("cat", "dog"):
            pictures(tmp_path / part / name, count)
    dataset = load_dataset(tmp_path, size=12)
    assert dataset.class_names == ("cat", "dog")
    assert counts(dataset) == [[18, 18], [2, 2], [6, 6], [5, 5]]
    assert bytes_of(dataset, "exploration") == bytes_in(tmp_path / "val")
    assert bytes_of(dataset, "sealed") == bytes_in(tmp_path / "test")
    trained = bytes_of(dataset, "train") | bytes_of(dataset, "calibration")
    assert trained == bytes_in(tmp_path / "train")


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Test"])
def test_the_only_part_held_out_is_explored_and_sealed_by_halves(pictures, tmp_path, name):
    for part, count in (("train", 10), (name, 7)):
        for label in ("cat", "dog"):
            pictures(tmp_path / part / label, count)
    dataset = load_dataset(tmp_path, size=12)
    assert counts(dataset) == [[9, 9], [1, 1], [4, 4], [3, 3]]
    assert bytes_of(dataset, "exploration") | bytes_of(dataset, "sealed") == bytes_in(
        tmp_path / name
    )


def test_parts_of_other_names_can_be_said(pictures, tmp_path):
    for part, count in (("fit", 5), ("eval_set", 4)):
        for label in ("cat", "dog"):
            pictures(tmp_path / part / label, count)
    with pytest.raises(ValueError, match=r"eval_set holds no picture, but eval_set/cat does"):
        load_dataset(tmp_path)
    dataset = load_dataset(tmp_path, size=12, parts={"train": "fit", "exploration": "eval_set"})
    assert counts(dataset) == [[4, 4], [1, 1], [2, 2], [2, 2]]


def test_shares_of_the_parts_can_be_said(pictures, tmp_path):
    for name in "ab":
        pictures(tmp_path / name, 20)
    shares = {"train": 0.25, "calibration": 0.25, "exploration": 0.25, "sealed": 0.25}
    assert counts(load_dataset(tmp_path, parts=shares)) == [[5, 5]] * 4


def test_another_seed_is_another_split_and_the_same_seed_the_same(pictures, tmp_path):
    for name in "ab":
        pictures(tmp_path / name, 20)
    first, other, again = (load_dataset(tmp_path, seed=seed) for seed in (3, 4, 3))
    assert fingerprint(first.sealed) == fingerprint(again.sealed)
    assert bytes_of(first, "sealed") != bytes_of(other, "sealed")
    assert counts(first) == counts(other)


def test_a_class_of_the_validation_images_alone_is_refused(pictures, tmp_path):
    for folder in ("train/cat", "train/dog", "val/cat", "val/cow"):
        pictures(tmp_path / folder, 4)
    with pytest.raises(ValueError, match="val has a class 'cow', which the training images have"):
        load_dataset(tmp_path)


def test_folders_beside_the_parts_are_left_out_with_a_warning(pictures, tmp_path):
    for folder in ("train/cat", "train/dog", "val/cat", "val/dog", "notes/figures"):
        pictures(tmp_path / folder, 4)
    with pytest.warns(UserWarning, match="and left out: notes"):
        assert load_dataset(tmp_path).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train/cat", "train/dog"), "images of train alone; needed are"),
        (("val/cat", "val/dog", "test/cat", "test/dog"), "images of exploration, sealed alone"),
        (("train", "test"), "test, train hold pictures, and should each hold one folder"),
        (("docs/img", "src/icons", "assets"), "docs holds no picture, but docs/img does"),
        ((".", ".git"), "it holds 4 pictures and no folder of pictures for each class"),
        (
            ("train/a", "train/b", "val/a", "val/b", "valid/a", "valid/b"),
            "val and valid of .* are both for exploration",
        ),
    ],
)
def test_a_folder_that_is_none_of_classes_is_refused_with_the_reason(
    pictures, tmp_path, folders, message
):
    for folder in folders:
        pictures(tmp_path / "root" / folder, 4)
    with pytest.raises(ValueError, match=message):
        load_dataset(tmp_path / "root")


def test_a_class_may_be_called_train(pictures, tmp_path):
    for name in ("train", "plane"):
        pictures(tmp_path / name, 4)
    assert load_dataset(tmp_path).class_names == ("plane", "train")


@pytest.mark.parametrize("hidden", [".ipynb_checkpoints", "__MACOSX", ".git", "@eaDir"])
def test_hidden_folders_and_files_are_no_classes(pictures, tmp_path, hidden):
    for name in ("cat", "dog", hidden):
        pictures(tmp_path / name, 5)
    (tmp_path / "cat" / "._0.png").write_bytes(b"\0\5\26\7" * 9)
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert np.sum(counts(dataset)) == 10


def test_chosen_classes_come_in_the_order_asked_for(pictures, tmp_path):
    for name, shape in (("cat", (12, 12, 3)), ("dog", (12, 12, 3)), ("eel", (12, 12, 3))):
        pictures(tmp_path / name, 4, shape)
    dataset = load_dataset(tmp_path, size=12, classes=["eel", "cat"])
    assert dataset.class_names == ("eel", "cat")
    images, labels = all_pixels(dataset)
    found = (255 * images[labels == 0]).round().to(torch.uint8).numpy()
    assert {image.tobytes() for image in found} == bytes_in(tmp_path / "eel")


def test_pictures_below_a_class_are_left_out_with_a_warning(pictures, tmp_path):
    for name in ("cat", "dog", "cat/old"):
        pictures(tmp_path / name, 4)
    with pytest.warns(UserWarning, match=r"below the classes of .* are left out: cat.old"):
        assert np.sum(counts(load_dataset(tmp_path))) == 8


# Unreadable and repeated pictures


def test_broken_pictures_are_skipped_and_named_with_a_count(pictures, tmp_path):
    for name in ("cat", "dog"):
        pictures(tmp_path / name, 5, shape=(64, 64, 3))
    whole = (tmp_path / "cat" / "0.png").read_bytes()
    (tmp_path / "cat" / "cut.png").write_bytes(whole[:700])
    (tmp_path / "dog" / "empty.jpg").write_bytes(b"")
    with pytest.warns(UserWarning, match="skipped") as caught:
        dataset = load_dataset(tmp_path)
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("2 of 12 pictures cannot be read and are skipped: cat/cut.png (")
    assert "dog/empty.jpg (" in message
    assert np.sum(counts(dataset)) == 10


def test_a_picture_in_two_parts_is_said(pictures, tmp_path):
    for folder in ("train/cat", "train/dog", "val/cat", "val/dog"):
        pictures(tmp_path / folder, 6)
    for index in range(2):
        name = f"{index}.png"
        (tmp_path / "val/cat" / name).write_bytes((tmp_path / "train/cat" / name).read_bytes())
    dataset = load_dataset(tmp_path)
    assert dataset.description == "2 images are in two parts, pixel by pixel the same"
    assert plot_images(dataset).get_suptitle() == dataset.description


def test_progress_rises_from_0_to_1_picture_by_picture(pictures, tmp_path):
    for name in "ab":
        pictures(tmp_path / name, 4)
    seen = []
    load_dataset(tmp_path, on_progress=lambda progress: seen.append(progress.done))
    assert seen == pytest.approx([index / 8 for index in range(9)])


# Storage, and the tensors returned


@pytest.fixture(params=["in memory", "in a file"])
def stored(request, pictures, tmp_path, monkeypatch):
    """Load noise pictures of two classes; also return the floats of plain arithmetic."""
    monkeypatch.setattr(stored_part, "IN_MEMORY", 2**30 if request.param == "in memory" else 0)
    monkeypatch.setattr(stored_part, "CHUNK", 1000)  # fewer values than three images have
    for name in "ab":
        pictures(tmp_path / name, 20)
    return load_dataset(tmp_path, size=12)


def test_tensors_are_those_that_are_made_at_once(stored):
    for name in PARTS:
        part = getattr(stored, name)
        mean, std = (torch.tensor(m).view(3, 1, 1) for m in (stored.mean, stored.std))
        eager = (torch.from_numpy(part.store[part.indices]).float() / 255 - mean) / std
        images, labels = part
        assert images.dtype == torch.float32
        assert images.is_contiguous()
        assert torch.equal(images, eager)
        assert torch.equal(stored.some(name, [1, 0]), eager[[1, 0]])
        assert len(part) == 2
        assert torch.equal(part[1], labels)


def test_moments_are_those_of_the_training_images(stored):
    pixels = stored.pixels(stored.train[0]).double().numpy()
    np.testing.assert_allclose(stored.mean, pixels.mean((0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(stored.std, pixels.std((0, 2, 3)), atol=1e-6)


def test_a_tensor_in_use_is_given_out_again_and_not_kept_afterwards(stored):
    first = stored.train[0][2:4]  # a view keeps the whole tensor alive
    assert stored.train[0][2:4].data_ptr() == first.data_ptr()
    del first
    assert stored.train._given() is None


def test_a_stored_dataset_travels_as_uint8(stored):
    sent = pickle.dumps(stored)
    assert len(sent) < 2 * 40 * 3 * 12 * 12  # as float32 it would be four bytes a value
    arrived = pickle.loads(sent)
    assert isinstance(arrived, Dataset)
    for name in PARTS:
        assert fingerprint(getattr(arrived, name)) == fingerprint(getattr(stored, name))


class Net(torch.nn.Sequential):
    def __init__(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            super().__init__(
                torch.nn.Conv2d(3, 6, 3, bias=False),
                torch.nn.BatchNorm2d(6),
                torch.nn.ReLU(),
                torch.nn.AdaptiveAvgPool2d(2),
                torch.nn.Flatten(),
                torch.nn.Linear(24, 2),
            )


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(bits=4, activation_bits=4, sparsity=0.5),
        Recipe(sparsity=0.5, score="fisher"),
        Recipe(sparsity=0.7, recovery="finetune"),
        Recipe(sparsity=0.5, recovery="sequential"),
    ],
    ids=str,
)
def test_reports_are_those_of_the_same_floats(stored, recipe):
    eager = Dataset(
        **{name: tuple(tensor.clone() for tensor in getattr(stored, name)) for name in PARTS},
        class_names=stored.class_names,
        mean=stored.mean,
        std=stored.std,
    )
    ours, theirs = (Experiment(Net(), dataset) for dataset in (stored, eager))
    report, truth = ours.run(recipe), theirs.run(recipe)
    assert report.images == truth.images
    assert np.array_equal(report.scores, truth.scores)
    sealed = ours.open_sealed(recipe), theirs.open_sealed(recipe)
    assert sealed[0].images == sealed[1].images
    assert np.array_equal(sealed[0].scores, sealed[1].scores)


def test_an_experiment_travels_with_its_folder(stored):
    here = Experiment(Net(), stored)
    there = pickle.loads(pickle.dumps(here))
    assert np.array_equal(here.run(Recipe()).scores, there.run(Recipe()).scores)
    assert 0 <= here.measure(here.run(Recipe(bits=4))).flip_rate <= 1
