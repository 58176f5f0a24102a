from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from PIL import Image

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models import training
from optiwidgets.engine.models.trained_files import open_trained, save_trained
from optiwidgets.engine.models.training import augment, train
from optiwidgets.engine.models.zoo import CNN, load_trained, save_weights
from optiwidgets.engine.types.recipe import Recipe

pytestmark = pytest.mark.usefixtures("torchvision")


@pytest.fixture(scope="module")
def bars():
    """Make three unequal classes, easy to learn: a bright bar left, in the middle, or right."""
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
    """Use one torch thread: two do not speed up small tensors, and are slow on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def same(one, other):
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize("name", ["small", "wide"])
def test_a_trained_model_has_learnt(bars, name):
    net = train(bars, name, epochs=15, keep="last")
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
    assert same(*(train(data, "small", epochs=1, keep="last") for data in (bars, others)))


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
    with pytest.raises(ValueError, match="model is one of 'small', 'wide', 'resnet18' or a"):
        train(bars, "huge")


# ---- choice of the epoch


def calibrated_on(dataset, part):
    return replace(dataset, calibration=part)


def test_the_epoch_of_highest_accuracy_on_calibration_images_is_kept(bars):
    """Computed again: the test scores the state of every epoch."""
    images, labels = bars.train
    odd = calibrated_on(
        bars, (images[1::5] + 0.01, (labels[1::5] + (images[1::5, 0, 0, 0] > 0.3)) % 3)
    )
    seen, scores, losses = [], [], []
    net = train(odd, "small", epochs=6, on_epoch=seen.append)
    for number in range(1, 7):

        def stop(epoch, number=number):
            if epoch.number == number:
                raise KeyboardInterrupt

        state = train(odd, "small", epochs=6, keep="last", on_epoch=stop)
        with torch.no_grad():
            found = state(odd.calibration[0])
        scores.append((found.argmax(1) == odd.calibration[1]).double().mean().item())
        losses.append(torch.nn.functional.cross_entropy(found, odd.calibration[1]).item())
    assert [epoch.accuracy for epoch in seen] == scores
    best = max(range(6), key=lambda i: (scores[i], -losses[i], i))
    with torch.no_grad():
        kept = net(odd.calibration[0])
    assert torch.nn.functional.cross_entropy(kept, odd.calibration[1]).item() == losses[best]
    last = train(odd, "small", epochs=6, keep="last")
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(last(odd.calibration[0]), odd.calibration[1])
    assert loss.item() == losses[-1]


def test_an_interrupt_keeps_the_best_epoch_and_says_so(bars, capsys):
    def stop(epoch):
        if epoch.number == 3:
            raise KeyboardInterrupt

    net = train(bars, "small", epochs=50, on_epoch=stop)
    assert not net.training
    assert "interrupted: kept epoch" in capsys.readouterr().out


def test_an_interrupt_before_the_first_epoch_is_one(bars, monkeypatch):
    def interrupt(images):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "augment", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(bars, "small", epochs=2)


def test_progress_is_told_and_may_end_it(bars):
    told = []
    train(bars, "small", epochs=2, on_progress=told.append)
    assert [(p.done, p.stage) for p in told] == [(0.5, "epoch 1 of 2"), (1.0, "epoch 2 of 2")]

    def cancel(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        train(bars, "small", epochs=2, on_progress=cancel)


def test_keep_is_best_or_last(bars):
    with pytest.raises(ValueError, match="keep is one of 'best', 'last', not 'first'"):
        train(bars, "small", keep="first")


# ---- resnet18, and files


@pytest.fixture(scope="module")
def colors():
    """Make two classes of 3 x 32 x 32 images: reddish and greenish noise."""
    draw = torch.Generator().manual_seed(0)

    def part(count):
        labels = torch.arange(count) % 2
        images = 0.2 * torch.rand(count, 3, 32, 32, generator=draw)
        images[torch.arange(count), labels] += 0.7
        return (images - 0.5) / 0.25, labels

    return Dataset(
        train=part(33), calibration=part(8), exploration=part(12), sealed=part(8),
        class_names=("red", "green"), mean=0.5, std=0.25,
    )  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3])
def test_resnet18_is_torchvision_s_for_these_images(colors, channels, torchvision):
    parts = {
        part: (getattr(colors, part)[0][:, :channels], getattr(colors, part)[1]) for part in PARTS
    }
    net = train(replace(colors, **parts), "resnet18", epochs=1)
    expected = torchvision.models.resnet18(num_classes=2).state_dict()
    expected["conv1.weight"] = torch.zeros(64, channels, 7, 7)
    assert {k: v.shape for k, v in net.state_dict().items()} == {
        k: v.shape for k, v in expected.items()
    }


def test_a_trained_file_comes_back_with_its_images(colors, tmp_path):
    path = tmp_path / "net.safetensors"
    net = train(colors, "small", epochs=2)
    save_trained(net, path, colors)
    experiment = Experiment.load(path, images=colors)
    with torch.no_grad():
        expected = net(colors.exploration[0]).softmax(1)
    report = experiment.run(Recipe())
    np.testing.assert_allclose(report.scores, expected, atol=1e-4)
    assert experiment.dataset.name == "net"
    again = tmp_path / "again.safetensors"
    save_trained(net, again, colors)
    assert again.read_bytes() == path.read_bytes()


def test_a_resnet18_is_written_and_read(colors, tmp_path):
    net = train(colors, "resnet18", epochs=1)
    save_trained(net, tmp_path / "net.safetensors", colors)
    again, data = open_trained(tmp_path / "net.safetensors", colors)
    assert same(net, again)
    assert not again.training
    assert torch.equal(data.exploration[0], colors.exploration[0])
    assert Experiment(again, data).prunable_weights == sum(
        value.numel() for value in net.state_dict().values() if value.dim() in (2, 4)
    )


def test_a_model_trained_on_shipped_images_opens_without_naming_them(tmp_path):
    digits = load_dataset("digits")
    net = CNN({"name": "small", "channels": 1, "size": 28, "classes": 10})
    save_trained(net, tmp_path / "net.safetensors", digits)
    again, data = open_trained(tmp_path / "net.safetensors")
    assert same(net, again)
    assert data.name == "digits"
    assert torch.equal(data.exploration[0], digits.exploration[0])


def test_images_normalized_otherwise_are_normalized_as_in_training(colors, tmp_path):
    path = tmp_path / "net.safetensors"
    net = train(colors, "small", epochs=2)
    save_trained(net, path, colors)
    other = replace(
        colors,
        mean=(0.1, 0.2, 0.3),
        std=2.0,
        **{
            part: (
                (
                    colors.pixels(getattr(colors, part)[0])
                    - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)
                )
                / 2,
                getattr(colors, part)[1],
            )
            for part in PARTS
        },
    )
    with torch.no_grad():
        expected = net(colors.exploration[0]).softmax(1)
    report = Experiment.load(path, images=other).run(Recipe())
    np.testing.assert_allclose(report.scores, expected, atol=1e-4)


def test_images_that_were_trained_on_are_never_explored(colors, tmp_path):
    path = tmp_path / "net.safetensors"
    save_trained(train(colors, "small", epochs=1), path, colors)
    leaking = replace(colors, train=colors.exploration, exploration=colors.train)
    with pytest.raises(ValueError, match="was trained on 33 of the 33 exploration images"):
        Experiment.load(path, images=leaking)
    some = torch.cat([colors.sealed[0], colors.train[0][:3]]), torch.tensor([0, 1] * 5 + [0])
    leaking = replace(colors, sealed=some, train=(colors.train[0][3:], colors.train[1][3:]))
    with pytest.raises(ValueError, match="was trained on 3 of the 11 sealed images"):
        Experiment.load(path, images=leaking)


@pytest.fixture
def photographs(tmp_path):
    """Write forty noisy pictures, 48 high and 80 wide, in two class folders."""
    draw = np.random.default_rng(0)
    for label, name in enumerate(("left", "right")):
        (tmp_path / "photographs" / name).mkdir(parents=True)
        for index in range(20):
            pixels = draw.integers(0, 120, (48, 80, 3), np.uint8)
            pixels[10:38, 18 + 26 * label : 36 + 26 * label] += 120
            Image.fromarray(pixels).save(tmp_path / f"photographs/{name}/{index}.png")
    return tmp_path / "photographs"


@pytest.mark.parametrize(
    "options", [{"size": 32, "resize": "squash"}, {"size": 32, "resize": "pad"}]
)
def test_images_made_another_way_than_in_training_are_refused(photographs, tmp_path, options):
    path = tmp_path / "net.safetensors"
    data = load_dataset(photographs, **options)
    save_trained(train(data, "small", epochs=1), path, data)
    known = len(data.labels("train"))
    reason = f"trained on {known} different images, and only 0 of them .* size=, resize= or gray="
    with pytest.raises(ValueError, match=reason):  # only pictures in folders are cropped
        open_trained(path, photographs)
    other = load_dataset(photographs, size=32, seed=1)
    with pytest.raises(ValueError, match=r"Dataset.of\(old, training=True, held_out=new\)"):
        open_trained(path, other)
    _, again = open_trained(path, load_dataset(photographs, **options))
    assert torch.equal(again.exploration[0], data.exploration[0])


def test_images_scaled_from_another_size_are_refused(photographs, tmp_path):
    path = tmp_path / "net.safetensors"
    data = load_dataset(photographs, size=32)
    save_trained(train(data, "small", epochs=1), path, data)
    open_trained(path, photographs)
    smaller = load_dataset(photographs, size=24)
    scaled = {
        part: (functional.interpolate(images, size=(32, 32)), labels)
        for part in PARTS
        for images, labels in [getattr(smaller, part)]
    }
    with pytest.raises(ValueError, match="only 0 of them are among these"):
        open_trained(path, replace(smaller, **scaled))


def test_a_folder_is_read_as_in_training(photographs, tmp_path):
    path = tmp_path / "net.safetensors"
    data = load_dataset(photographs, size=40, gray=True)
    save_trained(train(data, "small", epochs=1), path, data)
    _, again = open_trained(path, photographs)
    assert again.shape == (1, 40, 40)
    assert torch.equal(again.sealed[0], data.sealed[0])


def test_new_images_are_judged_beside_those_of_training(photographs, tmp_path):
    path = tmp_path / "net.safetensors"
    data = load_dataset(photographs, size=32)
    save_trained(train(data, "small", epochs=1), path, data)
    draw = np.random.default_rng(1)
    new = draw.integers(0, 256, (40, 32, 32, 3), np.uint8), np.arange(40) % 2
    pixels = (data.pixels(data.train[0]) * 255).round().to(torch.uint8)
    old = pixels.permute(0, 2, 3, 1).numpy(), data.labels("train").numpy()
    mixed = Dataset.of(old, training=True, held_out=new, class_names=data.class_names)
    _, opened = open_trained(path, mixed)
    assert sum(len(opened.labels(part)) for part in ("exploration", "sealed")) == 40


@pytest.mark.parametrize("name", ["digits", "smear-200"])
def test_a_file_trained_on_shipped_images_finds_them_by_itself(name, tmp_path):
    path, shipped = tmp_path / "net.safetensors", Experiment.load(name)
    save_trained(load_trained("small", name), path, shipped.dataset)
    expected = shipped.run(Recipe())
    for images in (None, name):
        found = Experiment.load(path, images=images)
        assert found.dataset.name == name
        np.testing.assert_array_equal(found.run(Recipe()).predictions, expected.predictions)


def test_a_file_that_does_not_fit_is_refused_with_the_reason(colors, tmp_path):
    path = tmp_path / "net.safetensors"
    net = train(colors, "small", epochs=1)
    save_trained(net, path, colors)
    with pytest.raises(ValueError, match=r"give their folder: Experiment.load\('.*', images="):
        Experiment.load(path)
    with pytest.raises(
        ValueError, match="classes 'red', 'green', and these images are of 'a', 'b'"
    ):
        Experiment.load(path, images=replace(colors, class_names=("a", "b")))
    smaller = {
        part: (getattr(colors, part)[0][..., :24, :24], getattr(colors, part)[1]) for part in PARTS
    }
    with pytest.raises(ValueError, match="images of 3 x 32 x 32, and these are 3 x 24 x 24"):
        Experiment.load(path, images=replace(colors, **smaller))
    with pytest.raises(ValueError, match="3 channels and 32 pixels, and these have 3 and 24"):
        train(replace(colors, **smaller), path)
    save_weights(net, path)
    with pytest.raises(ValueError, match="has no metadata of its training images"):
        Experiment.load(path, images=colors)
    path.write_bytes(b"cut off")
    with pytest.raises(ValueError, match="is not a file of `optiwidgets train`"):
        Experiment.load(path, images=colors)
    with pytest.raises(ValueError, match=r"images are only for a \.safetensors file"):
        Experiment.load("digits", images=colors)


def test_training_goes_on_from_a_file_with_a_new_head_for_other_classes(colors, tmp_path):
    path = tmp_path / "net.safetensors"
    net = train(colors, "small", epochs=2)
    save_trained(net, path, colors)
    more = replace(colors, class_names=("red", "green", "blue"))
    other, fresh = (train(more, start, epochs=1, seed=3) for start in (path, "small"))
    assert other.head.weight.shape == (3, 64)
    before = net.features[0].weight
    assert torch.allclose(other.features[0].weight, before, atol=0.05)
    assert not torch.allclose(fresh.features[0].weight, before, atol=0.05)


def test_a_file_of_other_types_names_the_value_and_the_type(tmp_path, toy):
    net, path = load_trained("small"), tmp_path / "net.safetensors"
    for given, said in (
        ((3, path, toy), "net is a model that ow.CNN or `optiwidgets train` builds, not 3"),
        ((torch.nn.Linear(2, 2), path, toy), "net is a model that ow.CNN .* not Linear"),
        ((net, 3, toy), "path is the name of a file to write, not 3"),
        ((net, path, 3), "dataset is a Dataset, of the images, not 3"),
    ):
        with pytest.raises(ValueError, match=said):
            save_trained(*given)
    assert not path.exists()
