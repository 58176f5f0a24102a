from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.models.training import augment, train
from optiwidgets.engine.models.zoo import CNN

pytestmark = pytest.mark.usefixtures("torchvision")


@pytest.fixture(scope="module")
def bars():
    """Three unequal classes anybody can learn: a bright bar left, in the middle, or right."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat_interleave(torch.tensor([60, 20, 40]))
    images = 0.3 * torch.randn(120, 1, 16, 16, generator=random)
    for image, label in zip(images, labels, strict=True):
        image[0, :, 1 + 5 * int(label) : 5 + 5 * int(label)] += 2
    noise = (torch.randn(6, 1, 16, 16, generator=random), torch.zeros(6, dtype=torch.int64))
    return Dataset(
        train=(images, labels),
        calibration=noise,
        exploration=noise,
        sealed=(noise[0] + 1, noise[1]),
        class_names=("left", "middle", "right"),
    )


@pytest.fixture(scope="module", autouse=True)
def _one_torch_thread():
    """Tensors this small gain nothing from two, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def same(one, other):
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize("name", ["small", "wide"])
def test_a_trained_model_has_learnt(bars, name):
    net = train(bars, name, epochs=15)
    images, labels = bars.train
    assert isinstance(net, CNN)
    assert not net.training
    assert (net(images).argmax(1) == labels).float().mean() > 0.95
    assert net.spec == {"name": name, "channels": 1, "size": 16, "classes": 3}


def test_a_seed_decides_everything(bars):
    torch.manual_seed(1)
    first = train(bars, "small", epochs=1, seed=7)
    torch.manual_seed(2)
    assert same(first, train(bars, "small", epochs=1, seed=7))
    assert not same(first, train(bars, "small", epochs=1, seed=8))


def test_only_the_part_to_train_on_is_looked_at(bars):
    poisoned = (torch.full((2, 1, 16, 16), 1e6), torch.tensor([2, 2]))
    other = (-poisoned[0], poisoned[1])
    others = replace(bars, calibration=poisoned, exploration=poisoned, sealed=other)
    assert same(train(bars, "small", epochs=1), train(others, "small", epochs=1))


def test_training_leaves_images_and_the_random_stream_alone(bars):
    before = bars.train[0].clone()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(bars, "small", epochs=1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(bars.train[0], before)


def test_an_augmented_image_stays_within_its_own_range():
    images = torch.full((6, 2, 12, 12), -0.4)
    images[:, :, 4:8, 4:8] = 2.0
    moved = augment(images)
    assert moved.shape == images.shape
    assert not torch.equal(moved[0], moved[1])
    assert moved.min() >= -0.4 - 1e-5
    assert moved.max() <= 2.0 + 1e-5


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "2"])
def test_epochs_out_of_range_are_refused(bars, epochs):
    with pytest.raises(ValueError, match=f"epochs are 1 or more, not {epochs}"):
        train(bars, "small", epochs=epochs)


def test_images_that_are_not_square_are_refused(toy):
    with pytest.raises(ValueError, match=r"take square images, not \(6, 9\)"):
        train(toy, "small")


def test_an_unknown_model_is_refused(bars):
    with pytest.raises(ValueError, match="model is one of 'small', 'wide', not 'huge'"):
        train(bars, "huge")
