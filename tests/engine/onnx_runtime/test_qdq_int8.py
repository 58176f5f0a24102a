from __future__ import annotations

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from example_nets import Fixed, Parted, Twice, coded, torch_scores
from onnx.reference import ReferenceEvaluator
from torch import nn

from optiwidgets.engine.calibration import activation_ranges
from optiwidgets.engine.models import zoo
from optiwidgets.engine.onnx_runtime import export, qdq_int8
from optiwidgets.engine.onnx_runtime.session import open_session, predict
from optiwidgets.engine.quantization import activations
from optiwidgets.engine.quantization.weights import QuantizedWeight, encode
from optiwidgets.engine.types.recipe import Recipe

GRIDS = list(itertools.product(("tensor", "channel"), ("symmetric", "affine")))


def kernels(model, folder):
    """Return the operations that the runtime really runs for a model."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = f"{folder}/optimized.onnx", 3
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return [node.op_type for node in onnx.load(f"{folder}/optimized.onnx").graph.node]


@pytest.mark.parametrize(("granularity", "scheme"), GRIDS)
@pytest.mark.parametrize("name", ["small", "wide"])
def test_int8_predicts_what_the_simulation_predicts(digits, tmp_path, name, granularity, scheme):
    net, layers = coded(zoo.load_trained(name), granularity=granularity, scheme=scheme)
    images = digits.exploration[0]
    ranges = activation_ranges.calibrate(net, digits.calibration[0])
    model = qdq_int8.to_int8(export.export(net, images), layers, ranges)
    onnx.checker.check_model(model, full_check=True)
    scores = predict(open_session(model), images).argmax(1)
    simulated = torch_scores(activations.quantize_activations(net, ranges, 8), images).argmax(1)
    assert (scores == simulated).mean() >= 0.995
    run = kernels(model, tmp_path)
    assert run.count("QLinearConv") == 2
    assert run.count("QGemm") == 2
    assert run.count("Conv") + run.count("FusedConv") == 1  # one input channel: faster in float
    assert sum("MaxPool" in step for step in run) == 3
    in_float = {"DequantizeLinear", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"}
    assert not in_float & set(run)  # integers stay integers up to the scores


@pytest.mark.parametrize(("granularity", "scheme"), GRIDS)
def test_int8_by_the_standards_own_reference(granularity, scheme):
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(9, 5, (3, 2)), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(20, 3)
    ).eval()
    net, layers = coded(net, granularity=granularity, scheme=scheme)
    images = torch.randn(7, 9, 6, 6)
    ranges = activation_ranges.calibrate(net, images)
    model = qdq_int8.to_int8(export.export(net, images), layers, ranges)
    (expected,) = ReferenceEvaluator(model).run(None, {"images": images.numpy()})
    step = 3 * (ranges["4"][1] - ranges["4"][0]) / 255 * net[4].weight.abs().max().item()
    simulated = torch_scores(activations.quantize_activations(net, ranges, 8), images)
    np.testing.assert_allclose(expected, simulated, atol=step)
    np.testing.assert_allclose(predict(open_session(model), images), simulated, atol=step)


def test_int8_worked_by_hand():
    # the input 0.3 has a code on the grid 0, 1/255 .. 1; weights are 127 and -64 steps of 0.01
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 1)).requires_grad_(False)
    codes = torch.tensor([[127, -64]], dtype=torch.int16)
    layer = QuantizedWeight(
        codes, codes != 0, 8, torch.tensor([0.01]), torch.empty(0, dtype=torch.int16)
    )
    net[1].weight.copy_(layer.decode())
    net[1].bias.fill_(0.5)
    images = torch.tensor([0.3, 1.0]).view(1, 1, 1, 2)
    model = qdq_int8.to_int8(export.export(net, images), {"1": layer}, {"1": (0.0, 1.0)})
    scores = predict(open_session(model), images)
    code = round(0.3 * 255)
    assert scores.item() == pytest.approx((127 * code - 64 * 255) * 0.01 / 255 + 0.5, abs=1e-4)
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    assert stored["1.weight.codes"].tolist() == [[127, -64]]
    assert stored["1.weight.codes"].dtype == np.int8
    assert "1.weight" not in stored


@pytest.mark.parametrize(("granularity", "scheme"), GRIDS)
def test_the_codes_in_the_graph_are_the_recipes_own(granularity, scheme):
    net, layers = coded(zoo.load_trained("small"), granularity=granularity, scheme=scheme)
    ranges = dict.fromkeys(layers, (0.0, 1.0))
    model = qdq_int8.to_int8(export.export(net, torch.zeros(1, 1, 28, 28)), layers, ranges)
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    assert "features.0.weight" not in stored  # one input channel: decoded once, for float
    first = {part: stored[f"features.0.weight.decoded_once.{part}"] for part in ("codes", "scale")}
    zero_point = stored.get("features.0.weight.decoded_once.zero_point", 0)
    decoded = (first["codes"].astype(np.float32) - zero_point) * first["scale"]
    np.testing.assert_array_equal(decoded, net.features[0].weight.numpy())
    for name, layer in list(layers.items())[1:]:
        down = 128 if scheme == "affine" else 0  # to int8
        codes, scale, zero_point = (
            stored[f"{name}.weight.{part}"].astype(int if part != "scale" else float)
            for part in ("codes", "scale", "zero_point")
        )
        assert stored[f"{name}.weight.codes"].dtype == np.int8
        np.testing.assert_array_equal(codes + down, layer.codes.numpy())
        np.testing.assert_array_equal(scale.ravel(), layer.scale.numpy())
        if down:
            np.testing.assert_array_equal(zero_point.ravel() + 128, layer.zero_point.numpy())


@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
def test_pruned_weights_stay_zero(scheme):
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).requires_grad_(False)
    kept = torch.rand(3, 4, generator=torch.Generator().manual_seed(0)) < 0.5
    layer = encode(net[1].weight, kept, Recipe(bits=8, scheme=scheme, granularity="channel"))
    garbled = QuantizedWeight(
        torch.where(kept, layer.codes, 99), kept, 8, layer.scale, layer.zero_point
    )
    images = torch.zeros(1, 1, 2, 2)
    model = qdq_int8.to_int8(export.export(net, images), {"1": garbled}, {"1": (0.0, 1.0)})
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    down = 128 if scheme == "affine" else 0
    codes = stored["1.weight.codes"].astype(int)
    np.testing.assert_array_equal(codes + down, layer.codes.numpy())


def test_channels_that_are_all_bias_do_not_overflow():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(8, 9, 3), nn.ReLU(), nn.Conv2d(9, 4, 3), nn.Flatten(), nn.Linear(16, 3)
    ).requires_grad_(False)
    for layer in (net[0], net[2], net[4]):
        layer.weight[1] *= 1e-12
        layer.bias[1] = 2.0
    images = torch.rand(50, 8, 6, 6)
    for scheme in ("symmetric", "affine"):
        folded, layers = coded(net.eval(), granularity="channel", scheme=scheme)
        ranges = activation_ranges.calibrate(folded, images)
        model = qdq_int8.to_int8(export.export(folded, images), layers, ranges)
        simulated = torch_scores(activations.quantize_activations(folded, ranges, 8), images)
        scores = predict(open_session(model), images)
        np.testing.assert_allclose(scores, simulated, atol=0.02)


@pytest.mark.parametrize(("granularity", "scheme"), GRIDS)
def test_models_of_all_sorts_run_in_int8(granularity, scheme):
    torch.manual_seed(0)
    images = torch.randn(20, 2, 6, 6)
    grouped = nn.Sequential(
        nn.Conv2d(2, 6, 3, groups=2, bias=False), nn.SiLU(), nn.Flatten(), nn.Linear(96, 3)
    )
    narrow = nn.Sequential(
        nn.Conv2d(2, 9, 3), nn.ReLU(), nn.Conv2d(9, 4, 3), nn.Flatten(), nn.Linear(16, 3)
    )
    plain = nn.Sequential(nn.Flatten(), nn.Linear(72, 3))
    for net in (Fixed(), Twice(), Parted(), grouped, narrow, plain):
        folded, layers = coded(net.eval(), granularity=granularity, scheme=scheme)
        ranges = activation_ranges.calibrate(folded, images)
        model = qdq_int8.to_int8(export.export(folded, images), layers, ranges)
        simulated = torch_scores(activations.quantize_activations(folded, ranges, 8), images)
        scores = predict(open_session(model), images)
        np.testing.assert_allclose(scores, simulated, atol=0.01 * np.abs(simulated).max())


def test_a_residual_network_runs_in_int8_where_it_can(resnet, tmp_path):
    net, layers = coded(resnet)
    images = torch.randn(16, 3, 32, 32)
    ranges = activation_ranges.calibrate(net, images)
    model = qdq_int8.to_int8(export.export(net, images), layers, ranges)
    simulated = torch_scores(activations.quantize_activations(net, ranges, 8), images)
    scores = predict(open_session(model), images)
    np.testing.assert_allclose(scores, simulated, atol=0.05 * np.abs(simulated).max())
    run = kernels(model, tmp_path)
    assert run.count("QLinearConv") == 3  # the first of each block; the others feed a sum
    assert run.count("Cast") == 1  # of the images: weights are decoded once, at opening


def file_ratio(net, images):
    """Compute the bytes of the float file over those of the int8 file."""
    folded, layers = coded(net, granularity="channel")
    plain = export.export(folded, images)
    ranges = activation_ranges.calibrate(folded, images)
    return plain.ByteSize() / qdq_int8.to_int8(plain, layers, ranges).ByteSize()


class Dense(nn.Module):
    """Two convolutions whose outputs are concatenated, and hard-swish."""

    def __init__(self):
        super().__init__()
        self.stem, self.left, self.right = (nn.Conv2d(i, 64, 3, padding=1) for i in (16, 64, 64))
        self.act, self.head = nn.Hardswish(), nn.Linear(128, 3)

    def forward(self, x):
        x = self.act(self.stem(x))
        return self.head(torch.cat([self.left(x), self.right(x)], 1).mean((2, 3)))


class Residual(Dense):
    """The same net with a sum."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        x = self.act(self.stem(x))
        return self.head((x + self.right(self.left(x))).mean((2, 3)))


@pytest.mark.parametrize("kind", [Dense, Residual])
def test_files_of_sums_and_concatenations_are_small(kind):
    torch.manual_seed(0)
    assert file_ratio(kind().eval(), torch.randn(4, 16, 5, 5)) > 3.3


@pytest.mark.parametrize(("scheme", "bias"), [("symmetric", 0.4), ("affine", -0.3)])
@pytest.mark.parametrize("kind", ["conv", "linear"])
def test_a_row_without_weights_keeps_its_bias(scheme, bias, kind):
    """Inputs of 0 to 255: with a scale of 1 the bias would be rounded to whole numbers."""
    torch.manual_seed(0)
    read = nn.Conv2d(8, 9, 1) if kind == "conv" else nn.Linear(8, 9)
    net = nn.Sequential(read, nn.Flatten(), nn.Linear(9, 3)).requires_grad_(False).eval()
    read.weight[1], read.bias[1] = 0.0, bias
    net[2].weight.zero_()[:, 1] = 1.0  # the scores depend on that row only
    images = torch.randint(0, 256, (20, 8, 1, 1)).float()
    images = images if kind == "conv" else images.view(20, 8)
    kept = {n: m.weight != 0 for n, m in net.named_modules() if hasattr(m, "weight")}
    recipe = Recipe(bits=8, scheme=scheme, granularity="channel")
    layers = {n: encode(net.get_submodule(n).weight, mask, recipe) for n, mask in kept.items()}
    ranges = {"0": (0.0, 255.0), "2": (-1.0, 1.0)}
    model = qdq_int8.to_int8(export.export(net, images), layers, ranges)
    expected = round(bias * 127.5) / 127.5 + net[2].bias.numpy()  # the head's input step only
    scores = predict(open_session(model), images)
    np.testing.assert_allclose(scores, np.tile(expected, (20, 1)), atol=0.006)


def test_a_layer_of_more_bits_stays_in_float():
    net, layers = coded(zoo.load_trained("small"))
    layers["hidden"] = encode(
        net.hidden.weight, torch.ones_like(net.hidden.weight, dtype=torch.bool), Recipe(bits=16)
    )
    ranges = dict.fromkeys(layers, (0.0, 1.0))
    model = qdq_int8.to_int8(export.export(net, torch.zeros(1, 1, 28, 28)), layers, ranges)
    names = {i.name for i in model.graph.initializer}
    assert {"hidden.weight", "head.weight.codes"} <= names


def test_a_layer_without_a_range_is_named():
    net, layers = coded(zoo.load_trained("small"))
    with pytest.raises(ValueError, match="no range of activations for layer head, hidden"):
        qdq_int8.to_int8(
            export.export(net, torch.zeros(1, 1, 28, 28)),
            layers,
            {n: (0.0, 1.0) for n in layers if n.startswith("features")},
        )


def test_int8_leaves_the_float_graph_as_it_was():
    net, layers = coded(zoo.load_trained("small"))
    model = export.export(net, torch.zeros(1, 1, 28, 28))
    before = model.SerializeToString(deterministic=True)
    qdq_int8.to_int8(model, layers, dict.fromkeys(layers, (0.0, 1.0)))
    assert model.SerializeToString(deterministic=True) == before
