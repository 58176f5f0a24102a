from __future__ import annotations

from importlib.resources import files

import pytest
import torch
from torch import nn

from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.evaluation.detection_precision import average_precisions
from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.models.center_detector import decode
from optiwidgets.engine.models.zoo import (
    CASES,
    SHIPPED,
    SIZES,
    Spec,
    build,
    build_trainable,
    load_model,
    load_trained,
    load_weights,
    save_weights,
    shipped_models,
)
from optiwidgets.engine.types.boxes import Detections, TrueBoxes


def spec(**changes):
    return {"name": "small", "channels": 2, "size": 17, "classes": 3, **changes}


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("small", 9 * (8 + 8 * 16 + 16 * 32) + 32 * 9 * 64 + 64 * 10),
        ("wide", 9 * (16 + 16 * 32 + 32 * 64) + 64 * 9 * 128 + 128 * 10),
    ],
)
def test_a_zoo_model_has_the_weights_its_page_says(name, weights):
    net = build(Spec(name=name, channels=1, size=28, classes=10))
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert sum(layer.weight.numel() for layer in layers) == weights
    assert len(layers) == 5


@pytest.mark.parametrize("size", [8, 17, 28, 32])
@pytest.mark.parametrize("name", SIZES)
def test_a_zoo_model_scores_images_of_any_size(name, size):
    net = build(spec(name=name, size=size)).eval()
    assert net(torch.zeros(5, 2, size, size)).shape == (5, 3)


def test_pooling_before_relu_is_relu_before_pooling():
    net = build(spec()).eval()
    images = torch.randn(4, 2, 17, 17)
    usual = images
    for step in range(0, len(net.features), 4):
        conv, norm, pool, _ = net.features[step : step + 4]
        usual = pool(norm(conv(usual)).relu())
    torch.testing.assert_close(net.features(images), usual)


@pytest.mark.parametrize("name", SIZES)
def test_the_shipped_weights_are_right_on_at_least_98_percent(name):
    from optiwidgets.engine.experiment.experiment import Experiment
    from optiwidgets.engine.types.recipe import Recipe

    report = Experiment.load("digits", model=name).run(Recipe())
    assert report.confusion.accuracy >= 0.98
    assert len(report.labels) == 1500


def test_the_shipped_weights_are_below_a_mebibyte_together():
    shipped = list((files("optiwidgets.engine.models") / "weights").iterdir())
    assert len(shipped) == sum(map(len, SHIPPED.values()))
    assert sum(len(file.read_bytes()) for file in shipped) < 2**20


def precisions_of_the_shipped_detector(case):
    dataset = load_dataset(case)
    images, targets = dataset.exploration
    with torch.no_grad():
        found = decode(load_trained("center", case)(images))
    boxes = Detections.of([each.numpy() for each in found])
    return average_precisions(boxes, TrueBoxes.of(targets.numpy()), len(dataset.class_names))


def test_the_shipped_detector_finds_the_digits_of_scenes_it_never_saw():
    precisions = precisions_of_the_shipped_detector("scenes")
    assert precisions[:, 0].mean() >= 0.92  # mAP@0.5, measured 0.939
    assert precisions.mean() >= 0.65  # mAP@[.5:.95], measured 0.679


def test_the_shipped_detector_tells_parasitized_from_healthy_cells_in_fields_it_never_saw():
    precisions = precisions_of_the_shipped_detector("smear-fields")
    assert precisions[:, 0].min() >= 0.97  # AP@0.5 of each class, both measured 0.990
    assert precisions.mean() >= 0.88  # mAP@[.5:.95], measured 0.906


def test_missed_parasites_count_more_for_a_medical_image():
    from optiwidgets.engine.experiment.experiment import Experiment
    from optiwidgets.engine.types.recipe import Recipe

    experiment = Experiment.load("smear-fields")
    base, report = (experiment.run(recipe) for recipe in (Recipe(), Recipe(bits=4)))
    fall = 100 * (base.recall - report.recall)[report.class_names.index("parasitized")]
    assert fall > Policy.MEDICAL.recall_floor_points
    limited = f"recall of parasitized fell {fall:.1f} points; 1 is the limit"
    assert limited in judge(base, report, Policy.MEDICAL).reasons
    assert limited not in judge(base, report, Policy.MOBILE).reasons


@pytest.mark.parametrize("case", ["scenes", "smear-fields"])
def test_the_shipped_detector_is_below_200_kilobytes(case):
    shipped = files("optiwidgets.engine.models") / "weights" / f"{case}-center.safetensors"
    assert len(shipped.read_bytes()) < 200_000


@pytest.mark.parametrize(("case", "name"), [("digits", "center"), ("scenes", "small")])
def test_a_model_of_another_case_is_answered_with_those_of_this_one(case, name):
    known = ", ".join(map(repr, SHIPPED[case]))
    with pytest.raises(ValueError, match=f"model for '{case}' is one of {known}, not '{name}'"):
        load_trained(name, case)


def test_a_saved_detector_comes_back_the_same(tmp_path):
    net = build_trainable(spec(name="center", size=64))
    save_weights(net, tmp_path / "net.safetensors")
    again, _ = load_model(tmp_path / "net.safetensors")
    assert again.spec == net.spec
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), net.parameters(), strict=True))
    with pytest.raises(ValueError, match="holds a center"):
        load_weights(tmp_path / "net.safetensors")


def test_a_detector_of_an_odd_size_is_refused():
    with pytest.raises(ValueError, match="size of a detector is a multiple of 8 pixels, not 60"):
        build_trainable(spec(name="center", size=60))
    with pytest.raises(ValueError, match="size of a zoo model is 32 to 640, not 24"):
        build_trainable(spec(name="center", size=24))


def test_saved_weights_come_back_the_same(tmp_path):
    net = build(spec(name="wide"))
    net.features[1].running_mean.fill_(0.25)
    save_weights(net, tmp_path / "net.safetensors")
    again = load_weights(tmp_path / "net.safetensors")
    assert again.spec == net.spec
    assert not again.training
    for name, tensor in net.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


@pytest.mark.parametrize("name", ["huge", "", None, ["small"]])
def test_an_unknown_model_is_answered_with_the_known_ones(name):
    known = "is one of 'small', 'wide', not "
    for make in (lambda: build(spec(name=name)), lambda: load_trained(name)):
        with pytest.raises(ValueError, match=f"^model (for 'digits' )?{known}"):
            make()


@pytest.mark.parametrize("case", ["letters", "../digits", None])
def test_an_unknown_case_is_answered_with_the_known_ones(case):
    for ask in (lambda: load_trained("small", case), lambda: shipped_models(case)):
        with pytest.raises(
            ValueError, match=rf"case is one of 'digits', 'smear', .* not {case!r}; for other"
        ):
            ask()


def test_a_model_that_a_case_does_not_ship_is_answered_with_those_it_does():
    with pytest.raises(ValueError, match="model for 'smear-rare' is one of 'small', not 'wide'"):
        load_trained("wide", "smear-rare")


@pytest.mark.parametrize("case", CASES)
def test_every_model_a_case_is_said_to_ship_takes_its_images(case):
    from optiwidgets.engine.experiment.experiment import Experiment

    for name in shipped_models(case):
        experiment = Experiment.load(case, model=name)
        assert experiment.name == name
        assert experiment.dataset.name == case


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("channels", 0, "1 to 16"),
        ("size", 7, "8 to 256"),
        ("size", 28.0, "8 to 256"),
        ("classes", 1, "2 to 1000"),
        ("classes", 10**12, "2 to 1000"),
        ("classes", True, "2 to 1000"),
    ],
)
def test_a_geometry_out_of_range_is_refused(field, value, allowed):
    with pytest.raises(ValueError, match=f"{field} of a zoo model is {allowed}, not {value!r}"):
        build(spec(**{field: value}))
