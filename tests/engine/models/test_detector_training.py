from __future__ import annotations

import numpy as np
import pytest
import torch

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.models import detector_training
from optiwidgets.engine.models.detector_training import compute_loss, train_detector
from optiwidgets.engine.models.trained_files import save_trained
from optiwidgets.engine.models.training import train
from optiwidgets.engine.models.zoo import load_model


def squares(count, seed, size=32):
    """Draw bright (class 0) or dark (class 1) squares of 10 to 16 pixels, one an image."""
    random = np.random.default_rng(seed)
    images = random.normal(0, 0.1, (count, 1, size, size)).astype(np.float32)
    boxes = np.zeros((count, 1, 6), np.float32)
    for image, box in zip(images[:, 0], boxes[:, 0], strict=True):
        edge, kind = random.integers(10, 17), random.integers(2)
        y, x = random.integers(0, size - edge, 2)
        image[y : y + edge, x : x + edge] += 2 - 4 * kind
        box[:5] = x, y, x + edge, y + edge, kind
    return torch.from_numpy(images), torch.from_numpy(boxes)


@pytest.fixture(scope="module")
def data():
    parts = {name: squares(96 if name == "train" else 16, seed) for seed, name in enumerate(PARTS)}
    return Dataset(**parts, class_names=("bright", "dark"))


@pytest.fixture(autouse=True)
def _many_steps(monkeypatch):
    monkeypatch.setattr(detector_training, "BATCH", 8)  # 12 steps an epoch


def test_the_loss_falls_and_every_epoch_is_told(data, capsys):
    epochs, shares = [], []
    net = train_detector(
        data, epochs=5, on_epoch=epochs.append, on_progress=lambda p: shares.append(p.done)
    )
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5]
    assert epochs[-1].loss < epochs[0].loss / 2
    assert epochs[-1].calibration_loss < epochs[0].calibration_loss / 2
    assert shares == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert not net.training
    assert compute_loss(net, *data.calibration) == min(e.calibration_loss for e in epochs)
    assert f"calibration={epochs[-1].calibration_loss:.3f}" in capsys.readouterr().err


def test_train_takes_images_with_boxes_and_the_same_seed_gives_the_same_detector(data):
    first, again, other = (train(data, epochs=1, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_the_last_epoch_is_kept_on_request(data):
    epochs = []
    net = train_detector(data, epochs=2, keep="last", on_epoch=epochs.append)
    assert compute_loss(net, *data.calibration) == epochs[-1].calibration_loss


def test_an_interrupt_keeps_the_best_epoch(data, capsys):
    def stop(epoch):
        raise KeyboardInterrupt

    net = train_detector(data, epochs=9, on_epoch=stop)
    assert np.isfinite(compute_loss(net, *data.calibration))
    assert "kept epoch 1 of 9, loss " in capsys.readouterr().out


def test_weights_are_averaged_over_the_last_steps(data, monkeypatch):
    monkeypatch.setattr(detector_training, "AVERAGED", 1)  # of the newest step alone
    newest = train_detector(data, epochs=1).state_dict()
    monkeypatch.undo()
    averaged = train_detector(data, epochs=1).state_dict()
    assert not torch.equal(newest["head.weight"], averaged["head.weight"])
    assert newest["features.1.num_batches_tracked"] == 12  # 96 images in batches of 8


def test_a_training_continues_from_its_file(data, tmp_path):
    path, epochs = tmp_path / "net.safetensors", []
    save_trained(train_detector(data, epochs=3, on_epoch=epochs.append), path, data)
    net, _ = load_model(path)
    assert net.spec == {"name": "center", "channels": 1, "size": 32, "classes": 2}
    train_detector(data, path, epochs=1, on_epoch=epochs.append)
    assert epochs[-1].loss < epochs[0].loss / 2
    other = Dataset(
        **{name: getattr(data, name) for name in PARTS}, class_names=("bright", "dark", "striped")
    )
    with pytest.raises(ValueError, match=r"net.safetensors holds .*'classes': 2.* need .* 3"):
        train_detector(other, path, epochs=1)


def test_what_a_detector_cannot_learn_is_refused(data):
    with pytest.raises(ValueError, match=r"with boxes is 'center' or a .safetensors file, not 's"):
        train(data, "small", epochs=1)
    with pytest.raises(ValueError, match="keep is one of 'best', 'last', not 'first'"):
        train(data, epochs=1, keep="first")
    images, boxes = squares(2, 0, 48)
    wide = Dataset(
        **dict.fromkeys(
            PARTS,
            (images[:, :, :40], boxes[:0].new_tensor([[[1, 1, 9, 9, 0, 0]], [[1, 1, 9, 9, 1, 0]]])),
        ),
        class_names=("bright", "dark"),
    )
    with pytest.raises(ValueError, match=r"takes square images, not \(40, 48\)"):
        train(wide, epochs=1)
