"""Images of other libraries are bit-identical in the four parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import IterableDataset, Subset, TensorDataset

from optiwidgets.engine.data.dataset import PARTS, Dataset, fingerprint

LABELS = np.arange(40) % 2
BYTES = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 10), np.uint8)
OTHERS = np.random.default_rng(1).integers(0, 256, (12, 3, 8, 10), np.uint8)
FLOATS = torch.from_numpy(BYTES).float() / 255
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Pictures(torch.utils.data.Dataset):
    """Dataset of PIL images of given pixels, like torchvision's datasets."""

    classes = ("cat", "dog")

    def __init__(self, pixels=BYTES, transform=lambda picture: picture, mode="RGB"):
        self.pixels, self.transform, self.mode = pixels, transform, mode

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        picture = Image.fromarray(self.pixels[index].transpose(1, 2, 0)).convert(self.mode)
        return self.transform(picture), index % 2


def whole(dataset):
    """Return all images and labels as pairs (bytes, label), sorted by bytes."""
    pairs = []
    for name in PARTS:
        images, labels = getattr(dataset, name)
        pairs += [
            (image.numpy().tobytes(), int(label))
            for image, label in zip(images, labels, strict=True)
        ]
    return sorted(pairs)


def normalized(pixels, mean=MEAN, std=STD):
    mean, std = (torch.tensor(m).view(3, 1, 1) for m in (mean, std))
    return (torch.from_numpy(pixels).float() / 255 - mean) / std


def pairs_of(images, labels=LABELS):
    return sorted(
        (image.numpy().tobytes(), int(label)) for image, label in zip(images, labels, strict=True)
    )


def sizes(dataset):
    return [len(getattr(dataset, name)[1]) for name in PARTS]


@pytest.mark.parametrize(
    "source",
    [
        (BYTES, LABELS),
        (torch.from_numpy(BYTES), torch.from_numpy(LABELS)),
        (BYTES.transpose(0, 2, 3, 1), LABELS.tolist()),
        (torch.from_numpy(BYTES).permute(0, 2, 3, 1), LABELS),
        Pictures(),
        TensorDataset(torch.from_numpy(BYTES), torch.from_numpy(LABELS)),
        Pictures(transform=lambda picture: np.asarray(picture)),
    ],
    ids=[
        "array",
        "tensors",
        "channels last",
        "tensors so",
        "pictures",
        "tensor dataset",
        "array of a picture",
    ],
)
def test_bytes_are_normalized_by_what_is_given(source):
    dataset = Dataset.of(source, mean=MEAN, std=STD)
    assert whole(dataset) == pairs_of(normalized(BYTES))
    assert (dataset.mean, dataset.std) == (MEAN, STD)
    assert sizes(dataset) == [18, 6, 10, 6]


def test_bytes_are_normalized_by_the_training_images_where_nothing_is_given():
    dataset = Dataset.of((BYTES, LABELS))
    pixels = dataset.pixels(dataset.train[0]).double().numpy()
    np.testing.assert_allclose(dataset.mean, pixels.mean((0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(dataset.std, pixels.std((0, 2, 3)), atol=1e-6)
    assert whole(dataset) == pairs_of(normalized(BYTES, dataset.mean, dataset.std))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floats_are_kept_as_they_are(dtype):
    images = normalized(BYTES)
    dataset = Dataset.of((images.to(dtype), LABELS), mean=MEAN, std=STD)
    assert whole(dataset) == pairs_of(images)
    array = images.numpy().copy()
    array.setflags(write=False)  # torch warns about read-only arrays
    assert whole(Dataset.of((array, LABELS))) == whole(dataset)
    pixels = dataset.pixels(dataset.train[0])
    assert pixels.min() > -1e-6
    assert pixels.max() < 1 + 1e-6


def test_own_transforms_are_applied(torchvision):
    from torchvision import transforms

    own = transforms.Compose(
        [transforms.Resize((4, 5)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    )
    source = Pictures(transform=own)
    dataset = Dataset.of(source, mean=MEAN, std=STD)
    assert whole(dataset) == pairs_of([source[index][0] for index in range(40)])
    assert dataset.class_names == ("cat", "dog")
    assert dataset.shape == (3, 4, 5)


def test_grey_pictures_have_one_channel():
    dataset = Dataset.of(Pictures(mode="L"), mean=0.0, std=1.0)
    truth = np.stack([np.asarray(picture) for picture, _ in Pictures(mode="L")])[:, None]
    assert whole(dataset) == pairs_of(torch.from_numpy(truth).float() / 255)
    assert Dataset.of((truth[:, 0], LABELS)).shape == (1, 8, 10)


def test_a_subset_has_the_names_of_its_whole():
    dataset = Dataset.of(Subset(Pictures(), range(20)))
    assert dataset.class_names == ("cat", "dog")
    assert sum(sizes(dataset)) == 20


def test_parts_are_split_class_by_class_and_the_same_for_one_seed():
    labels = np.repeat([0, 1], [30, 10])
    first, again, other = (Dataset.of((BYTES, labels), seed=seed) for seed in (5, 5, 6))
    for name in PARTS:
        assert fingerprint(getattr(first, name)) == fingerprint(getattr(again, name))
    assert fingerprint(first.sealed) != fingerprint(other.sealed)
    counts = [getattr(first, name)[1].bincount().tolist() for name in PARTS]
    assert counts == [[14, 4], [4, 2], [8, 2], [4, 2]]


def test_shares_of_the_parts_can_be_said():
    shares = dict.fromkeys(PARTS, 0.25)
    assert sizes(Dataset.of((BYTES, LABELS), parts=shares)) == [10, 10, 10, 10]


def test_labels_may_be_names():
    names = np.array(["dog", "cat"])[LABELS]
    dataset = Dataset.of((FLOATS, names))
    assert dataset.class_names == ("cat", "dog")
    assert whole(dataset) == pairs_of(FLOATS, 1 - LABELS)
    given = Dataset.of((FLOATS, LABELS), class_names=["no", "yes"], positive=1, name="own")
    assert (given.class_names, given.positive, given.name) == (("no", "yes"), 1, "own")


# Training images and held-out images


def test_training_images_are_neither_explored_nor_sealed():
    dataset = Dataset.of((BYTES, LABELS), training=True, held_out=(OTHERS, LABELS[:12]))
    assert sizes(dataset) == [36, 4, 6, 6]
    mean, std = dataset.mean, dataset.std
    trained = [image.tobytes() for part in PARTS[:2] for image in getattr(dataset, part)[0].numpy()]
    held = [image.tobytes() for part in PARTS[2:] for image in getattr(dataset, part)[0].numpy()]
    assert sorted(trained) == [image for image, _ in pairs_of(normalized(BYTES, mean, std))]
    truth = pairs_of(normalized(OTHERS, mean, std), LABELS[:12])
    assert sorted(held) == [image for image, _ in truth]


def test_training_images_alone_are_refused():
    with pytest.raises(ValueError, match=r"none of them is explored or sealed: .* give held_out="):
        Dataset.of((BYTES, LABELS), training=True)


def test_sources_by_name_are_the_parts():
    third = np.random.default_rng(2).integers(0, 256, (6, 3, 8, 10), np.uint8)
    sources = {
        "train": (BYTES, LABELS),
        "validation": (OTHERS, LABELS[:12]),
        "test": (third, LABELS[:6]),
    }
    dataset = Dataset.of(sources, mean=MEAN, std=STD)
    assert sizes(dataset) == [36, 4, 12, 6]
    sealed = pairs_of(*dataset.sealed)
    assert sealed == pairs_of(normalized(third), LABELS[:6])
    renamed = dict(zip("abc", sources.values(), strict=True))
    with pytest.raises(ValueError, match="sources are named train, val and test, not a, b, c; or"):
        Dataset.of(renamed)
    said = {"train": "a", "exploration": "b", "sealed": "c"}
    assert whole(Dataset.of(renamed, parts=said, mean=MEAN, std=STD)) == whole(dataset)


def test_images_in_two_parts_are_said():
    held_out = (BYTES[:12], LABELS[:12])
    dataset = Dataset.of((BYTES, LABELS), training=True, held_out=held_out, description="cats")
    assert dataset.description.startswith("cats; 12 images are in two parts, pixel by pixel")


# Refused


class AtRandom(Pictures):
    def __getitem__(self, index):
        return torch.rand(3, 8, 8), index % 2


class Stream(IterableDataset):
    def __iter__(self):
        yield from ()


class Sized(Stream):
    def __len__(self):
        return 40


class Uneven(Pictures):
    def __getitem__(self, index):
        return torch.zeros(3, 8, 8 + index // 7), 0


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (AtRandom(), {}, "image 0 differs each time it is read: remove random transforms"),
        (Stream(), {}, "a source is a pair .* not Stream"),
        (Sized(), {}, "a source is a pair .* not Sized"),
        ((np.zeros((40, 8, 8, 12), np.uint8), LABELS), {}, r"\(40, 8, 8, 12\) looks like N H W C"),
        ((BYTES, LABELS), {"mean": 127.5}, "mean is of pixels 0..1, not 127.5; divide by 255"),
        (Uneven(), {}, r"image 7 is float32 \(3, 8, 9\) \(C, H, W\) and image 0 is float32 \(3, 8"),
        ((BYTES.astype(np.int64), LABELS), {}, "images are uint8 0..255, or floats .* not int64"),
        ((BYTES.astype(np.uint16), LABELS), {}, "images are uint8 0..255, or floats .* not uint16"),
        ((BYTES, LABELS[:7]), {}, "40 images and 7 labels; each image has one"),
        ((BYTES, LABELS / 2), {}, "labels are one class index an image, not float64"),
        (
            (BYTES, np.eye(2)[LABELS].astype(int)),
            {},
            r"one class index an image, not int64 \(40, 2",
        ),
        ((BYTES, LABELS - 1), {}, "labels are class indices 0 to 0, not -1"),
        ((BYTES, LABELS), {"class_names": ["a"]}, "labels are class indices 0 to 0, not 1"),
        ((BYTES, LABELS), {"std": 0}, "std is above 0, not 0"),
        ((BYTES[0], LABELS), {}, "3 images and 40 labels"),
        ((BYTES, np.r_[LABELS[:37], 2, 2, 2]), {}, "class '2' has 3 pictures; each needs 4"),
        ([], {}, "the source holds no images"),
        ({"train": (BYTES, LABELS)}, {}, "images of train alone; needed are training images, and"),
        ({"train": (BYTES, LABELS)}, {"training": True}, "training= and held_out= are for one"),
        (
            {"train": (BYTES, LABELS), "val": (OTHERS[..., :8], LABELS[:12])},
            {},
            r"images of 'exploration' are \(3, 8, 8\) and those of 'train' \(3, 8, 10\)",
        ),
    ],
)
def test_an_unfit_source_is_refused_with_the_reason(source, options, message):
    with pytest.raises(ValueError, match=message):
        Dataset.of(source, **options)


# Hugging Face


@pytest.fixture
def hub():
    """Return the library `datasets`, offline."""
    return pytest.importorskip("datasets")


def rows_of(hub, pixels, column="image"):
    features = hub.Features({column: hub.Image(), "label": hub.ClassLabel(names=["cat", "dog"])})
    pictures = [Image.fromarray(image.transpose(1, 2, 0)) for image in pixels]
    rows = {column: pictures, "label": LABELS[: len(pixels)].tolist()}
    return hub.Dataset.from_dict(rows, features=features)


@pytest.mark.parametrize("column", ["image", "img"])
def test_a_hugging_face_dataset_is_read_row_by_row(hub, column):
    dataset = Dataset.of(rows_of(hub, BYTES, column), mean=MEAN, std=STD)
    assert dataset.class_names == ("cat", "dog")
    assert whole(dataset) == pairs_of(normalized(BYTES))


def test_its_own_transforms_are_applied(hub):
    def own(rows):
        arrays = [np.array(picture).transpose(2, 0, 1) for picture in rows["image"]]
        return {"pixel_values": [normalized(a) for a in arrays], "label": rows["label"]}

    source = rows_of(hub, BYTES).with_transform(own)
    dataset = Dataset.of(source, mean=MEAN, std=STD)
    assert whole(dataset) == pairs_of(normalized(BYTES))
    assert dataset.class_names == ("cat", "dog")


def test_its_splits_are_the_parts(hub):
    splits = hub.DatasetDict(train=rows_of(hub, BYTES), test=rows_of(hub, OTHERS))
    dataset = Dataset.of(splits, mean=MEAN, std=STD)
    assert sizes(dataset) == [36, 4, 6, 6]
    held = pairs_of(*dataset.exploration) + pairs_of(*dataset.sealed)
    assert sorted(held) == pairs_of(normalized(OTHERS), LABELS[:12])


def test_columns_of_other_names_are_refused_by_name(hub):
    source = rows_of(hub, BYTES).rename_column("label", "species")
    with pytest.raises(ValueError, match="columns are image, species; needed are one of"):
        Dataset.of(source)
