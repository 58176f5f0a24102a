from __future__ import annotations

import copy

import numpy as np
import onnxruntime
import pytest
import torch
from example_nets import coded
from torch import nn
from torch.nn import functional

import optiwidgets as ow
from optiwidgets.engine.calibration.activation_ranges import calibrate
from optiwidgets.engine.onnx_runtime import qdq_int8
from optiwidgets.engine.onnx_runtime.agreement import check_agreement, export_checked
from optiwidgets.engine.onnx_runtime.export import export
from optiwidgets.engine.onnx_runtime.session import open_session, predict
from optiwidgets.engine.quantization.activations import quantize_activations
from optiwidgets.engine.quantization.weights import encode
from optiwidgets.engine.types.recipe import Recipe


def around(step):
    torch.manual_seed(0)
    layers = nn.Conv2d(2, 4, 3), step, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)
    return nn.Sequential(*layers).eval().requires_grad_(False)


class Pooled(nn.Module):
    """Pooling by a function with constants."""

    def __init__(self, **how):
        super().__init__()
        self.enter, self.head, self.how = nn.Conv2d(2, 4, 3), nn.Linear(4, 3), how

    def forward(self, x):
        x = functional.avg_pool2d(self.enter(x), 3, 2, **self.how)
        return self.head(x.mean((2, 3)))


class Padded(nn.Module):
    """Operation that torch.fx traces, with a constant that is not in its repr."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return functional.pad(x, (1, 1), value=self.value)


ALIKE = {
    "count_include_pad": [nn.AvgPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1, count_include_pad=False)],
    "align_corners": [
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=c) for c in (False, True)
    ],
    "padding value": [nn.ConstantPad2d(1, 0.5), nn.ConstantPad2d(1, 3.0)],
    "slope": [nn.Threshold(0.1, 20.0), nn.Threshold(0.1, -20.0)],
    "own constant": [Padded(1.0), Padded(9.0)],
    "ceil_mode": [nn.AvgPool2d(2, 3), nn.AvgPool2d(2, 3, ceil_mode=True)],
}


@pytest.mark.parametrize("steps", ALIKE.values(), ids=ALIKE)
def test_models_that_look_alike_have_graphs_of_their_own(steps):
    images = torch.randn(5, 2, 10, 10, generator=torch.Generator().manual_seed(1))
    for net in map(around, steps):
        scores = predict(open_session(export(net, images)), images)
        np.testing.assert_allclose(scores, net(images).numpy(), atol=1e-5)


def test_a_function_of_the_same_name_is_not_taken_for_the_other():
    images = torch.randn(5, 2, 10, 10)
    for how in ({"padding": 1}, {"padding": 1, "count_include_pad": False}):
        torch.manual_seed(0)
        net = Pooled(**how).requires_grad_(False)
        scores = predict(open_session(export(net, images)), images)
        np.testing.assert_allclose(scores, net(images).numpy(), atol=1e-5)


@pytest.mark.parametrize("off", [0.0, 1.0])
def test_a_graph_that_computes_something_else_is_refused(off):
    net, images = around(nn.ReLU()), torch.randn(5, 2, 10, 10)
    model, expected = export(net, images), net(images[:4])
    net[4].bias += off
    if not off:
        return check_agreement(model, net, images)
    size = f"{off:.3g} of {(expected + off).abs().max():.3g}"
    with pytest.raises(ValueError, match=f"does not compute what torch computes.* by {size};"):
        check_agreement(model, net, images)


@pytest.fixture
def without_divisor(monkeypatch):
    """Stub of an exporter that drops divisor_override, as some versions of torch do."""
    real = torch.onnx.export

    def lossy(net, args, **how):
        net = copy.deepcopy(net)
        for module in net.modules():
            if isinstance(module, nn.AvgPool2d):
                module.divisor_override = None
        return real(net, args, **how)

    monkeypatch.setattr(torch.onnx, "export", lossy)


@pytest.fixture
def dataset():
    draw = torch.Generator().manual_seed(0)
    shapes = {"train": 30, "calibration": 20, "exploration": 40, "sealed": 20}
    parts = {
        name: (torch.randn(n, 2, 10, 10, generator=draw), torch.arange(n) % 3)
        for name, n in shapes.items()
    }
    return ow.Dataset(**parts, class_names=list("abc"))


def test_a_wrong_export_is_evaluated_in_torch_and_not_written(
    without_divisor, dataset, tmp_path, caplog
):
    net, images = around(nn.AvgPool2d(3, 2, divisor_override=2)), dataset.exploration[0]
    exp = ow.Experiment(net, dataset)
    with caplog.at_level("INFO", "optiwidgets"):
        for recipe in (ow.Recipe(), ow.Recipe(bits=8, activation_bits=8)):
            rep = exp.run(recipe)
            expected = rep.model()(images).softmax(1).numpy()
            np.testing.assert_allclose(rep.scores, expected, atol=1e-5)
            with pytest.raises(ValueError, match=r"does not compute .* in '1' \(AvgPool2d\); "):
                rep.export(tmp_path / "net.onnx")
            with pytest.raises(ValueError, match="does not compute what torch computes"):
                exp.measure(rep)
    said = [r.getMessage() for r in caplog.records if r.name == "optiwidgets"]
    assert any(line.startswith("evaluated in torch") for line in said)
    assert any(line.startswith("int8 is simulated in torch") for line in said)
    assert not (tmp_path / "net.onnx").exists()
    rep.save(tmp_path / "net.owz")  # a correct model is not refused


def test_an_exported_file_gives_the_reports_predictions(dataset, tmp_path):
    exp = ow.Experiment(around(nn.AvgPool2d(3, 2, 1, count_include_pad=False)), dataset)
    rep, path = exp.run(ow.Recipe(0.5)), tmp_path / "net.onnx"
    rep.export(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"images": dataset.exploration[0].numpy()})
    np.testing.assert_array_equal(scores.argmax(1), rep.predictions)


def test_a_weight_computed_from_others_is_never_reported(dataset):
    """A layer whose weight differs from its codes is named in an error, not evaluated."""
    exp = ow.Experiment(around(nn.ReLU()), dataset)
    made = exp._compressor.compress(ow.Recipe(0.5))
    made.packable.net[4].weight += 0.1
    with pytest.raises(ValueError, match="layer '4' does not run with the weights"):
        made.checked_graph(dataset.exploration[0])


@pytest.fixture(scope="module")
def integer():
    """Make an int8 graph, the torch model that simulates it, and images."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 3))
    net, images = net.eval().requires_grad_(False), torch.randn(200, 1, 4, 4)
    recipe = Recipe(bits=8, activation_bits=8, granularity="channel")
    layers = {
        n: encode(net[int(n)].weight, torch.ones_like(net[int(n)].weight, dtype=torch.bool), recipe)
        for n in "13"
    }
    for name, layer in layers.items():
        net[int(name)].weight.copy_(layer.decode())
    ranges = calibrate(net, images)
    model = qdq_int8.to_int8(export(net, images), layers, ranges)
    return model, quantize_activations(net, ranges, 8), images


def test_an_int8_graph_agrees_with_its_simulation(integer):
    model, simulation, images = integer
    check_agreement(model, simulation, images, rounded=True)


@pytest.mark.parametrize(("name", "row"), [("3.bias", 2), ("1.bias", 5)])
def test_an_int8_graph_with_other_predictions_is_refused(integer, name, row):
    """With one wrong bias, most scores are within a quarter of the largest, but classes differ."""
    model, simulation, images = integer
    wrong, probe = copy.deepcopy(simulation), images[:64]
    right = simulation(probe)
    layer = wrong[int(name[0])]
    share = 0.0
    while share < 0.12:  # of the images without near ties; the smallest refused share is a tenth
        layer.bias[row] += 0.02 * right.abs().max()
        scores = wrong(probe)
        clear = scores.topk(2).values.diff().abs().flatten() > 0.1 * scores.abs().max()
        share = (scores.argmax(1) != right.argmax(1))[clear].float().mean().item()
    assert (scores - right).abs().amax(1).median() < 0.25 * right.abs().max()
    with pytest.raises(ValueError, match="does not compute what torch computes"):
        check_agreement(model, wrong, images, rounded=True)


def _without_hooks(net):
    plain = copy.deepcopy(net)
    for module in plain.modules():
        module._forward_pre_hooks.clear()
    return plain


def test_near_ties_may_get_either_class(integer):
    _, simulation, images = integer
    tied = copy.deepcopy(simulation)
    tied[3].weight.mul_(1e-3)
    tied[3].bias.copy_(torch.tensor([1.0, 1.0, 0.0]))
    scores = tied(images[:64])
    exported = export(_without_hooks(tied), images)
    tied[3].bias[0] += 1e-2  # the class of many images changes, their scores hardly do
    assert (tied(images[:64]).argmax(1) != scores.argmax(1)).float().mean() > 0.2
    check_agreement(exported, tied, images, rounded=True)


class Tied(nn.Module):
    """Net with one weight in a layer and, transposed, as its head; the exporter folds a copy."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 16), nn.Linear(16, 16)

    def forward(self, images):
        hidden = self.second(self.first(images.flatten(1)).relu()).relu()
        return nn.functional.linear(hidden, self.first.weight.t())


class Doubly(nn.Module):
    """Net that uses a weight in a layer, and its square beside it."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 3)

    def forward(self, images):
        rows = images.flatten(1)
        return self.first(rows) + rows @ (self.first.weight * self.first.weight).t()


@pytest.mark.parametrize("kind", [Tied, Doubly])
def test_a_weight_that_is_used_in_two_ways_is_exported_in_both(kind):
    torch.manual_seed(0)
    net, images = kind().eval().requires_grad_(False), torch.rand(6, 1, 2, 2)
    graph = export_checked(net, images)
    np.testing.assert_allclose(predict(open_session(graph), images), net(images), atol=1e-5)


@pytest.fixture(scope="module")
def dense():
    """Make an int8 graph whose output is a map for every image, its simulation, and images."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 3, 3))
    net, images = net.eval().requires_grad_(False), torch.randn(64, 1, 8, 8)
    net, layers = coded(net, granularity="channel")
    ranges = calibrate(net, images)
    model = qdq_int8.to_int8(export(net, images), layers, ranges)
    return model, quantize_activations(net, ranges, 8), images


def test_an_int8_graph_of_maps_is_compared_value_by_value(dense):
    model, simulation, images = dense
    check_agreement(model, simulation, images, rounded=True)
    wrong = copy.deepcopy(simulation)
    wrong[2].bias[1] += 0.3 * simulation(images).std()
    with pytest.raises(ValueError, match="does not compute what torch computes"):
        check_agreement(model, wrong, images, rounded=True)


FACTORS = (
    [0.2, 300.0, 300.0],
    [0.0, 300.0, 300.0],
)  # of the maps; of the other net, without the first


@pytest.mark.parametrize("rounded", [False, True], ids=["float", "rounded"])
@pytest.mark.parametrize("shape", [(-1, 3, 6, 6), (-1, 36, 3), (-1, 3, 36)], ids=str)
def test_small_channels_are_not_lost_beside_large_ones(shape, rounded):
    """A map of logits may stand beside one of coordinates, in pixels."""

    class Mixed(nn.Module):
        def __init__(self, factors):
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Conv2d(1, 3, 3)
            self.factors = nn.Buffer(torch.tensor(factors).reshape(3, 1, 1))

        def forward(self, images):
            maps = self.conv(images) * self.factors
            return maps.flatten(2).mT if shape[1] == 36 else maps.reshape(shape)

    images = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    mixed, without = (Mixed(given).eval().requires_grad_(False) for given in FACTORS)
    graph = export(mixed, images)
    check_agreement(graph, mixed, images, rounded=rounded)
    with pytest.raises(ValueError, match="does not compute what torch computes"):
        check_agreement(graph, without, images, rounded=rounded)
