from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from optiwidgets.engine.data.corruptions import corrupt, invisible_change
from optiwidgets.engine.data.dataset import Dataset, fingerprint
from optiwidgets.engine.data.loaders import load_dataset

pytestmark = pytest.mark.usefixtures("torchvision")

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "noise": st.floats(0, 1),
        "blur": st.floats(0, 10),
        "brightness": st.floats(0, 4),
        "rotation": st.floats(-180, 180),
    },
)


def dataset_of(pixels, mean=0.25, std=0.5):
    """Make a dataset whose exploration images have these pixels, 0..1, N C H W."""
    part = ((pixels - mean) / std, torch.arange(len(pixels)) % 2)
    small = (part[0][:2].clone(), torch.tensor([0, 1]))
    return Dataset(
        train=small,
        calibration=small,
        exploration=part,
        sealed=(small[0] + 1, small[1]),
        class_names=("a", "b"),
        mean=mean,
        std=std,
    )


def explored(dataset):
    return dataset.pixels(dataset.exploration[0])


@pytest.fixture
def noise_images():
    """Make three images of two channels, 9 x 12, with random pixels."""
    return torch.rand(3, 2, 9, 12, generator=torch.Generator().manual_seed(0))


def test_nothing_asked_for_is_nothing_done(noise_images):
    dataset = dataset_of(noise_images)
    assert torch.equal(corrupt(dataset).exploration[0], dataset.exploration[0])


def test_brightness_is_a_factor_of_pixels_and_stops_at_white(noise_images):
    dim = explored(corrupt(dataset_of(noise_images), brightness=0.5))
    torch.testing.assert_close(dim, noise_images * 0.5)
    bright = explored(corrupt(dataset_of(noise_images), brightness=3))
    torch.testing.assert_close(bright, (noise_images * 3).clamp(max=1))


def test_a_quarter_turn_is_counter_clockwise(noise_images):
    square = noise_images[..., :9].contiguous()
    turned = explored(corrupt(dataset_of(square), rotation=90))
    torch.testing.assert_close(turned, square.rot90(1, (2, 3)), atol=1e-4, rtol=0)


def test_what_turns_in_from_outside_repeats_the_edge():
    pale = torch.full((2, 3, 8, 8), 0.9)
    pale[:, :, 3:5, 3:5] = 0.2
    turned = explored(corrupt(dataset_of(pale), rotation=45))
    torch.testing.assert_close(turned[:, :, 0], torch.full((2, 3, 8), 0.9))


def test_blur_is_scipys_gaussian(noise_images):
    ours = explored(corrupt(dataset_of(noise_images), blur=1.3))[2, 1]
    reach = gaussian_filter(noise_images[2, 1].numpy(), 1.3, mode="mirror", radius=4)
    np.testing.assert_allclose(ours.numpy(), reach, atol=1e-5)


def test_noise_has_the_deviation_asked_for_and_is_the_same_every_time():
    grey = dataset_of(torch.full((20, 3, 32, 32), 0.5))
    first, again = (explored(corrupt(grey, noise=0.1)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.std().item() == pytest.approx(0.1, rel=0.02)
    assert first.mean().item() == pytest.approx(0.5, abs=0.003)
    assert not torch.equal(first[0], first[1])


def test_mean_and_std_of_each_channel_are_respected(noise_images):
    mean, std = torch.tensor([0.1, 0.7]).view(2, 1, 1), torch.tensor([0.2, 3.0]).view(2, 1, 1)
    dataset = replace(dataset_of(noise_images), mean=[0.1, 0.7], std=[0.2, 3.0])
    dataset = replace(dataset, exploration=((noise_images - mean) / std, dataset.exploration[1]))
    torch.testing.assert_close(explored(corrupt(dataset, brightness=0.5)), noise_images * 0.5)


@given(CHANGES)
def test_any_change_leaves_pixels_within_0_and_1_and_all_else_alone(changes):
    pixels = torch.rand(2, 2, 9, 12, generator=torch.Generator().manual_seed(4))
    dataset = dataset_of(pixels)
    before = fingerprint(dataset.exploration)
    made = corrupt(dataset, **changes)
    assert explored(made).min() >= -1e-5
    assert explored(made).max() <= 1 + 1e-5
    assert made.exploration[0].shape == pixels.shape
    assert torch.equal(made.exploration[1], dataset.exploration[1])
    for part in ("train", "calibration", "sealed"):
        assert getattr(made, part) is getattr(dataset, part)
    assert (made.mean, made.std, made.class_names) == (0.25, 0.5, ("a", "b"))
    assert fingerprint(dataset.exploration) == before
    assert fingerprint(corrupt(dataset, **changes).exploration) == fingerprint(made.exploration)


def test_the_description_says_what_was_changed():
    smear = load_dataset("smear-200")
    made = corrupt(smear, noise=0.05, rotation=-20)
    assert made.name == "smear-200"
    assert made.description.startswith("synthetic")
    assert made.description.endswith("(changed: noise 0.05, rotation -20)")
    assert corrupt(smear).description == smear.description


# Images that mean and std do not denormalize to pixels 0..1


def told(images, mean, std):
    """Make a dataset of these images with a given mean and std."""
    part = (images, torch.arange(len(images)) % 2)
    parts = dict.fromkeys(("train", "calibration", "exploration", "sealed"), part)
    return Dataset(**parts, class_names=("a", "b"), mean=mean, std=std)


BYTES = torch.randint(0, 256, (6, 3, 10, 10), generator=torch.Generator().manual_seed(1)) / 255
IMAGENET = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
NORMALIZED = (BYTES - IMAGENET[0]) / IMAGENET[1]


@pytest.mark.parametrize(
    ("images", "mean", "std", "message"),
    [
        ((BYTES - 0.5) / 0.25, 0.0, 1.0, r"back to pixels from -2.00 to 2.00, not 0 to 1; give"),
        (NORMALIZED, 0.5, 0.5, r"back to pixels from -0.56 to 1.82, not 0 to 1"),
        (NORMALIZED, [0.406, 0.456, 0.485], [0.225, 0.224, 0.229], r"from -0.0. to 1.0., not 0 to"),
        (BYTES * 255, 0.0, 1.0, r"back to pixels from 0.00 to 255.00, not 0 to 1"),
        (BYTES, 0.5, 0.25, r"are pixels from 0.00 to 1.00 as they are, and mean 0.5 and std 0.25"),
    ],
    ids=["untold", "another's", "channels reversed", "0 to 255", "never normalized"],
)
def test_images_that_do_not_lead_back_to_pixels_are_refused(images, mean, std, message):
    dataset = told(images, mean, std)
    for change in (
        lambda: corrupt(dataset, noise=1e-6),
        lambda: corrupt(dataset, rotation=5),
        lambda: invisible_change(images, dataset),
    ):
        with pytest.raises(ValueError, match=message):
            change()


@pytest.mark.parametrize(
    ("images", "mean", "std"),
    [
        (BYTES, 0.0, 1.0),
        (NORMALIZED, *(moment.flatten().tolist() for moment in IMAGENET)),
        ((BYTES - 0.1307) / 0.3081, 0.13, 0.31),  # as printed in papers, rounded
        ((BYTES > 0.5).float(), 0.5, 0.25),  # black and white: no evidence of either
    ],
    ids=["pixels", "of each channel", "rounded", "two values"],
)
def test_images_that_lead_back_to_pixels_are_changed(images, mean, std):
    dataset = told(images, mean, std)
    nothing = corrupt(dataset, noise=1e-6).exploration[0]
    torch.testing.assert_close(nothing, images, atol=0.03, rtol=0)
    assert invisible_change(images, dataset).shape == images.shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": -0.1}, r"noise is 0 to 1 \(a standard deviation of pixels, 0..1\), not -0.1"),
        ({"noise": 25}, "noise is 0 to 1 .*, not 25"),
        ({"blur": 11}, r"blur is 0 to 10 \(pixels\), not 11"),
        ({"blur": True}, r"blur is 0 to 10 \(pixels\), not True"),
        ({"brightness": -1}, r"brightness is 0 to 4 \(times as bright\), not -1"),
        ({"brightness": float("nan")}, "brightness is 0 to 4 .*, not nan"),
        ({"rotation": 181}, r"rotation is -180 to 180 \(degrees\), not 181"),
        ({"rotation": "90"}, r"rotation is -180 to 180 \(degrees\), not '90'"),
    ],
)
def test_a_change_out_of_range_is_refused(noise_images, changes, message):
    with pytest.raises(ValueError, match=message):
        corrupt(dataset_of(noise_images), **changes)
