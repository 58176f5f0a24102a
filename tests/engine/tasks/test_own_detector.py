"""Torchvision's own detectors, wrapped as the page "Your own model" shows, at random weights."""

from __future__ import annotations

import re
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import nn

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.serialization.reader import load_packed
from optiwidgets.engine.tasks.detection import Detection
from optiwidgets.engine.tasks.own_detector import HINT, LINES
from optiwidgets.engine.types.recipe import Recipe

detection = pytest.importorskip(  # the oldest torch is tested without torchvision
    "torchvision.models.detection", reason="torchvision is not installed"
)
PAGE = (Path(__file__).parents[3] / "lessons" / "YOUR_OWN_MODEL.md").read_text(encoding="utf-8")
SIDE, NAMES = 64, ("a", "b", "c")
PLAIN = {"image_mean": [0.0] * 3, "image_std": [1.0] * 3}  # images are given as the network's input


def names_of_page():
    """Run the blocks of the page that define Raw and the two decoders."""
    found = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        if "class Raw" in block or "def decoder_by_level" in block:
            exec(compile(block, "YOUR_OWN_MODEL.md", "exec"), found)
    return found


OWN = names_of_page()


def scaled(net):
    """Draw weights by which a layer's output has a standard deviation of 1 at its first use."""
    known = set()

    def scale(layer, _, output):
        if layer in known:  # heads run on each level
            return output
        known.add(layer)
        layer.weight.div_(std := output.std())
        return output / std

    layers = [each for each in net.modules() if isinstance(each, nn.Conv2d)]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                layer.bias.zero_()
        handles = [layer.register_forward_hook(scale) for layer in layers]
        OWN["Raw"](net)(images_of(4))
        for handle in handles:
            handle.remove()
    return net


def images_of(count, seed=0):
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def ssdlite():
    whole = detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=4, **PLAIN
    )
    whole.transform.fixed_size = (SIDE, SIDE)
    return scaled(whole.eval())


def retinanet():
    whole = detection.retinanet_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=4, min_size=SIDE, max_size=SIDE, **PLAIN
    )
    return scaled(whole.eval())


KINDS = {"ssdlite": (ssdlite, "decoder"), "retinanet": (retinanet, "decoder_by_level")}


@pytest.fixture(scope="module", params=KINDS)
def own(request):
    """A whole detector of torchvision, and its decode."""
    make, decoder = KINDS[request.param]
    whole = make()
    return whole, OWN[decoder](whole, (SIDE, SIDE))


def dataset_of(boxes=True):
    targets = torch.tensor(
        [[[5.0, 5, 30, 40, 1, 0]], [[0, 0, 0, 0, -1, 0]], [[8, 9, 20, 22, 2, 0]]]
    )
    made = {
        part: (images_of(3, seed), targets if boxes else torch.tensor([0, 1, 2]))
        for seed, part in enumerate(PARTS)
    }
    return Dataset(**made, class_names=NAMES)


def test_the_lines_of_the_message_are_those_of_the_page():
    assert f"```python\n{LINES}```" in PAGE
    assert LINES in HINT


def test_boxes_are_those_of_the_whole_detector(own):
    whole, decode = own
    images = images_of(3, seed=9)
    with torch.inference_mode():
        found, expected = decode(OWN["Raw"](whole)(images)), whole(list(images))
    for rows, image in zip(found, expected, strict=True):
        own_classes = image["labels"] > 0  # class 0 is the background
        assert len(rows) == own_classes.sum() > 10
        assert torch.equal(rows[:, :4], image["boxes"][own_classes])
        torch.testing.assert_close(rows[:, 4], image["scores"][own_classes], rtol=0, atol=1e-6)
        assert torch.equal(rows[:, 5], image["labels"][own_classes] - 1.0)
        assert len(rows[:, 5].unique()) == len(NAMES)
    assert not torch.equal(found[0][:9], found[1][:9])


def test_the_whole_detector_is_refused_with_the_lines():
    whole = ssdlite()
    for task in (Detection(decode=list), None):
        with pytest.raises(ValueError, match=re.escape(LINES)):
            Experiment(whole, dataset_of(), task=task)
    with pytest.raises(ValueError, match=re.escape(LINES)):
        Experiment(whole, dataset_of(boxes=False))


@pytest.fixture(scope="module")
def opened(own):
    whole, decode = own
    data = dataset_of()
    made = Experiment(OWN["Raw"](whole), data, task=Detection(decode=decode))
    return whole, decode, data, made


@pytest.mark.slow
def test_all_layers_are_counted(opened):
    whole, _, _, exp = opened
    layers = [each for each in OWN["Raw"](whole).modules() if isinstance(each, nn.Conv2d)]
    assert exp.prunable_weights == sum(layer.weight.numel() for layer in layers)
    assert not exp.check().left_out
    assert exp.run(Recipe()).outcome.task == "detection"


def share_of_found(boxes, others):
    """Return the share of boxes that are among the others: rounding may flip a near tie."""
    assert all(len(rows) > 10 for rows in boxes)
    near = [
        torch.cdist(torch.tensor(rows), torch.as_tensor(other), p=float("inf")).amin(1) < 0.01
        for rows, other in zip(boxes, others, strict=True)
    ]
    return float(torch.cat(near).double().mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(sparsity=0.5, bits=8),
        Recipe(sparsity=0.3, pruning="channel", bits=4),
        Recipe(bits=8, activation_bits=8),
    ],
    ids=["pruned at 8 bits", "channels at 4 bits", "int8"],
)
def test_reported_boxes_are_those_of_the_packed_network(opened, recipe, tmp_path):
    whole, decode, data, exp = opened
    report, images = exp.run(recipe), data.exploration[0]
    report.save(tmp_path / "m.owz")
    again = load_packed(tmp_path / "m.owz", model=OWN["Raw"](whole))
    with torch.inference_mode():
        output, expected = again(images), report.model()(images)
        boxes = decode(output)
    assert torch.equal(output, expected)
    if report.runtime == "PyTorch":
        assert share_of_found(report.boxes, boxes) > 0.97
    if recipe.pruning == "channel":
        assert report.parameters < exp.run(Recipe()).parameters
    assert report.size.ratio > 4


@pytest.mark.slow
def test_the_exported_network_has_the_boxes_of_the_report(opened, tmp_path):
    _, decode, data, exp = opened
    report = exp.run(Recipe(sparsity=0.5, bits=8))
    report.export(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    name = session.get_inputs()[0].name
    (output,) = session.run(None, {name: data.exploration[0].numpy()})
    assert share_of_found(report.boxes, decode(torch.from_numpy(output))) > 0.97
