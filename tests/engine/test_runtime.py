from __future__ import annotations

import copy
import itertools
import os
import pickle
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.nn import functional

from optiwidgets.engine import activations, export, int8, latency, network, runtime, zoo
from optiwidgets.engine.data import load_dataset
from optiwidgets.engine.quantize import Coded, encode
from optiwidgets.engine.recipe import Recipe

SMALL = zoo.Spec(name="small", channels=1, size=28, classes=10)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def coded(net, **fields):
    """Quantize every layer of a folded copy as a recipe says; the copy and its codes."""
    net, layers = network.fold(net), {}
    for name, layer in network.prunable(net).items():
        kept = torch.ones_like(layer.weight, dtype=torch.bool)
        layers[name] = encode(layer.weight, kept, Recipe(**{"bits": 8, **fields}))
        layer.weight.copy_(layers[name].decode())
    return net, layers


def half(net):
    """The folded model with every second channel removed."""
    folded = network.fold(net)
    flow = network.channel_flow(folded)
    keep = {
        name: torch.arange(0, len(layer.weight), 2)
        for name, layer in network.prunable(folded).items()
        if name != flow.last
    }
    return network.remove_channels(folded, keep, flow)


class Block(nn.Module):
    """As in a ResNet: two convolutions and a way past them, narrowed where the step is 2."""

    def __init__(self, inputs, outputs, step=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, step, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        past = (nn.Conv2d(inputs, outputs, 1, step, bias=False), nn.BatchNorm2d(outputs))
        self.past = nn.Sequential(*past) if step > 1 else nn.Identity()

    def forward(self, images):
        features = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(images)), True)))
        return functional.relu(features + self.past(images), True)


@pytest.fixture
def resnet():
    """A ResNet of three blocks, its BatchNorms far from the identity, folded."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 7, 2, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
        nn.MaxPool2d(3, 2, 1), Block(16, 16), Block(16, 32, 2), Block(32, 32),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 7),
    )  # fmt: skip
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.5, 1.5)
    return network.fold(net)


def torch_scores(net, images):
    with torch.inference_mode():
        return net(images).numpy()


def kernels(model, folder):
    """What the runtime makes of a model: the operations it really runs."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = f"{folder}/optimized.onnx", 3
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return [node.op_type for node in onnx.load(f"{folder}/optimized.onnx").graph.node]


class Fixed(nn.Module):
    """Steps that exporters like to rewrite: constants, equal and zero tensors, an odd reshape."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Linear(16, 3, bias=False)
        self.register_buffer("shift", torch.ones(1))
        self.register_buffer("unused", torch.ones(5))

    def forward(self, images):
        pooled = torch.max_pool2d(functional.relu6(self.conv(images - self.shift)), 2)
        return self.head(self.norm(pooled).view(images.size(0), -1))


class Twice(nn.Module):
    """One convolution called two times."""

    def __init__(self):
        super().__init__()
        self.first, self.again = nn.Conv2d(2, 9, 1), nn.Conv2d(9, 9, 1)
        self.head = nn.Linear(324, 3)

    def forward(self, images):
        return self.head(self.again(self.again(self.first(images))).flatten(1))


class Parted(nn.Module):
    """A convolution read by another one and by a sum."""

    def __init__(self):
        super().__init__()
        self.first, self.left, self.right = (
            nn.Conv2d(2, 9, 1),
            nn.Conv2d(9, 9, 1),
            nn.Conv2d(9, 9, 1),
        )
        self.head = nn.Linear(324, 3)

    def forward(self, images):
        stem = functional.relu(self.first(images))
        left = self.left(stem)
        return self.head((left + self.right(left)).flatten(1))


# ---- export


@pytest.mark.parametrize("name", ["small", "wide"])
@pytest.mark.parametrize("shrink", [network.fold, half])
def test_the_runtime_predicts_what_torch_predicts_on_every_image(
    digits, assert_classes, name, shrink
):
    net, images = shrink(zoo.load_trained(name)), digits.exploration[0]
    scores = runtime.predict(runtime.session(runtime.export(net, images[:1])), images)
    expected = torch_scores(net, images)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert_classes(scores.argmax(1), expected)
    assert scores.dtype == np.float32


def test_a_residual_network_is_exported(resnet):
    net, images = resnet, torch.randn(40, 3, 32, 32)
    scores = runtime.predict(runtime.session(runtime.export(net, images)), images)
    np.testing.assert_allclose(scores, torch_scores(net, images), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33])
def test_any_number_of_images_fits(count):
    net = network.fold(zoo.build(SMALL).eval())
    images = torch.randn(count, 1, 28, 28)
    session = runtime.session(runtime.export(net, images))
    scores = runtime.predict(session, images)
    np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)
    whole = session.run(["scores"], {"images": images.numpy()})[0]
    np.testing.assert_allclose(whole, scores, atol=1e-5)


def test_initializers_have_the_names_and_values_of_the_state():
    net = network.fold(zoo.build(SMALL).eval())
    model = runtime.export(net, torch.zeros(1, 1, 28, 28))
    onnx.checker.check_model(model, full_check=True)
    values = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(values[name], value.numpy())
    assert [i.name for i in model.graph.input] == ["images"]
    assert [o.name for o in model.graph.output] == ["scores"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_an_architecture_is_exported_once_and_filled_with_any_weights(monkeypatch):
    made = []
    real = export._to_onnx
    monkeypatch.setattr(export, "_to_onnx", lambda *a, **k: made.append(a) or real(*a, **k))
    monkeypatch.setattr(export, "_templates", type(export._templates)())
    images = torch.randn(5, 2, 6, 6)
    for seed in range(3):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()
        scores = runtime.predict(runtime.session(runtime.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)
    assert len(made) == 1


def test_fewer_channels_need_no_new_export(digits, monkeypatch):
    images = digits.exploration[0][:50]
    whole, part = network.fold(zoo.load_trained("small")), half(zoo.load_trained("small"))
    runtime.export(part, images)  # whichever comes first
    monkeypatch.setattr(export, "_to_onnx", None)
    for net in (whole, part, half(zoo.load_trained("wide"))):
        model = runtime.export(net, images)
        onnx.checker.check_model(model, full_check=True)
        scores = runtime.predict(runtime.session(model), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-4)


@pytest.mark.parametrize("case", ["digits", "smear"])
def test_the_zoos_models_find_their_graphs_and_they_are_what_this_torch_exports(
    case, monkeypatch, tmp_path
):
    dataset = load_dataset(case)
    net, images = network.fold(zoo.load_trained("small", case)), dataset.exploration[0][:50]
    anew = export.ship(net, images[:1], tmp_path)
    made, shipped = onnx.load(anew), onnx.load(export.GRAPHS / anew.name)
    assert steps(made) == steps(shipped)
    monkeypatch.setattr(export, "_to_onnx", None)
    scores = []
    for folder in (tmp_path, export.GRAPHS):
        monkeypatch.setattr(export, "GRAPHS", folder)
        monkeypatch.setattr(export, "_templates", type(export._templates)())
        scores.append(runtime.predict(runtime.session(runtime.export(net, images)), images))
        np.testing.assert_allclose(scores[-1], torch_scores(net, images), atol=1e-4)
    np.testing.assert_allclose(*scores, atol=1e-4)


def steps(model):
    """What a graph computes: steps, constants, shapes; not who made it, nor how values are named.

    The weights have no values in it, but their names are those of the model's state.
    """
    graph, names = model.graph, {}
    for initializer in graph.initializer:
        names[initializer.name] = (
            initializer.name
            if "." in initializer.name
            else onnx.numpy_helper.to_array(initializer).tolist()
        )
    for place, value in enumerate(graph.input):
        names[value.name] = ("input", place)
    found = []
    for place, node in enumerate(graph.node):
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        found.append((node.op_type, node.domain, [names[n] for n in node.input], attributes))
        names |= {name: (place, which) for which, name in enumerate(node.output)}
    ends = [(names[o.name], o.name, str(o.type)) for o in graph.output]
    weights = sorted((i.name, i.data_type, list(i.dims)) for i in graph.initializer)
    weights = [weight for weight in weights if "." in weight[0]]
    opset = [(o.domain, o.version) for o in model.opset_import]
    return found, ends, weights, [(i.name, str(i.type)) for i in graph.input], opset


def test_a_graph_that_hangs_on_its_widths_is_not_shipped(tmp_path):
    net = Shuffled(4).eval()
    with pytest.raises(ValueError, match="depends on the model's widths"):
        export.ship(net, torch.randn(1, 1, 2, 2), tmp_path)
    assert not list(tmp_path.iterdir())


class Shuffled(nn.Module):
    """Steps whose numbers depend on the channels there are."""

    def __init__(self, channels):
        super().__init__()
        self.conv, self.head, self.half = nn.Conv2d(1, channels, 1), nn.Linear(4, 3), channels // 2

    def forward(self, images):
        mixed = self.conv(images)
        pairs = mixed.view(mixed.size(0), 2, -1, 2, 2).sum((1, 2))
        return self.head(pairs.flatten(1)) + torch.ones(3)


@pytest.mark.parametrize("first", [2, 4])
def test_where_widths_matter_every_width_is_exported(first):
    images = torch.randn(3, 1, 2, 2)
    for channels in (first, 6 - first):
        net = Shuffled(channels).eval()
        scores = runtime.predict(runtime.session(runtime.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)


def test_constants_that_are_no_state_are_told_apart():
    class Masked(nn.Module):
        def __init__(self, values):
            super().__init__()
            self.head, self.values = nn.Linear(4, 3), torch.tensor(values)
            self.register_buffer("order", self.values.argsort())

        def forward(self, images):
            return self.head(images.flatten(1)[:, self.order] * self.values)

    images = torch.randn(3, 1, 2, 2)
    for values in ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]):
        net = Masked(values).eval()
        scores = runtime.predict(runtime.session(runtime.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)


def test_remembered_architectures_hold_no_weights_and_are_few(monkeypatch):
    monkeypatch.setattr(export, "_templates", type(export._templates)())
    monkeypatch.setattr(export, "REMEMBERED", 2)
    for outputs in (False, True, None):
        steps = [nn.Flatten(), nn.Linear(400, 300, bias=bool(outputs))]
        steps += [nn.Linear(300, 3)] if outputs is None else []
        runtime.export(nn.Sequential(*steps).eval(), torch.zeros(1, 1, 20, 20))
    assert len(export._templates) == 2
    assert all(len(t.SerializeToString()) < 4000 for t in export._templates.values())


def test_values_that_are_zero_or_equal_once_are_not_lost_for_other_weights():
    images = torch.randn(5, 2, 6, 6)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(16, 16))
    for tensor in net.parameters():
        nn.init.zeros_(tensor)
    runtime.export(net.eval(), images)
    for tensor in net.parameters():
        nn.init.normal_(tensor)
    scores = runtime.predict(runtime.session(runtime.export(net, images)), images)
    np.testing.assert_allclose(scores, torch_scores(net, images), rtol=1e-4, atol=1e-4)


def test_two_models_that_look_alike_but_compute_differently_are_kept_apart():
    class Scaled(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.head, self.factor = nn.Linear(4, 3), factor

        def forward(self, images):
            return self.head(images.flatten(1)) * self.factor

    images = torch.randn(2, 1, 2, 2)
    for factor in (2.0, 3.0):
        net = Scaled(factor).eval()
        scores = runtime.predict(runtime.session(runtime.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)


@pytest.mark.parametrize("make", [Fixed, Twice])
def test_what_the_exporter_rewrites_is_still_right(make):
    torch.manual_seed(0)
    net, images = make().eval(), torch.randn(9, 2, 6, 6)
    for _ in range(2):
        scores = runtime.predict(runtime.session(runtime.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)


def test_the_graph_tells_nothing_about_the_machine_it_was_made_on():
    text = str(runtime.export(network.fold(zoo.build(SMALL).eval()), torch.zeros(1, 1, 28, 28)))
    assert os.getcwd() not in text
    assert ".py" not in text


def test_exporting_leaves_the_model_as_it_was():
    net = network.fold(zoo.build(SMALL).eval())
    before = copy.deepcopy(net.state_dict())
    runtime.export(net, torch.zeros(1, 1, 28, 28))
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_importing_the_package_starts_no_runtime():
    code = (
        "import sys; import optiwidgets.engine.runtime, optiwidgets.engine.int8; "
        "import optiwidgets.engine.latency, optiwidgets.engine.activations, threading; "
        "assert not {'onnx', 'onnxruntime'} & sys.modules.keys(); "
        "assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("threads", [0, -1, 1.0, True, "2"])
def test_a_number_of_threads_that_is_none_is_refused(threads):
    with pytest.raises(ValueError, match="threads is a whole number, 1 or more, not"):
        runtime.session(onnx.ModelProto(), threads)


def test_a_session_uses_the_cpu_its_threads_and_does_not_spin():
    model = runtime.export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    session = runtime.session(model, threads=2)
    options = session.get_session_options()
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize("exact", [True, False])
def test_where_products_would_saturate_the_runtime_is_told_to_be_exact(monkeypatch, exact):
    monkeypatch.setattr(runtime, "_saturates", lambda: exact)
    model = runtime.export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    options = runtime.session(model).get_session_options()
    assert options.get_session_config_entry("session.x64quantprecision") == str(int(exact))


def test_saturation_is_seen_in_sums_that_are_too_small(monkeypatch):
    class Saturated:
        def run(self, outputs, feed):
            return [np.full((1, 16), 32767, np.int32)]

    assert runtime._saturates.__wrapped__() in (True, False)
    monkeypatch.setattr(runtime, "_open", lambda *a, **k: Saturated())
    assert runtime._saturates.__wrapped__() is True


# ---- int8

GRIDS = list(itertools.product(("tensor", "channel"), ("symmetric", "affine")))


@pytest.mark.parametrize(("grain", "scheme"), GRIDS)
@pytest.mark.parametrize("name", ["small", "wide"])
def test_int8_predicts_what_the_simulation_predicts(digits, tmp_path, name, grain, scheme):
    net, layers = coded(zoo.load_trained(name), grain=grain, scheme=scheme)
    images = digits.exploration[0]
    ranges = activations.calibrate(net, digits.calibration[0])
    model = int8.to_int8(runtime.export(net, images), layers, ranges)
    onnx.checker.check_model(model, full_check=True)
    scores = runtime.predict(runtime.session(model), images).argmax(1)
    simulated = torch_scores(activations.quantize_activations(net, ranges, 8), images).argmax(1)
    assert (scores == simulated).mean() >= 0.995
    run = kernels(model, tmp_path)
    assert run.count("QLinearConv") == 2
    assert run.count("QGemm") == 2
    assert run.count("Conv") + run.count("FusedConv") == 1  # over one channel: faster in float
    assert sum("MaxPool" in step for step in run) == 3
    in_float = {"DequantizeLinear", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"}
    assert not in_float & set(run)  # what is in integers stays so up to the scores


@pytest.mark.parametrize(("grain", "scheme"), GRIDS)
def test_int8_by_the_standards_own_reference(grain, scheme):
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(9, 5, (3, 2)), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(20, 3)
    ).eval()
    net, layers = coded(net, grain=grain, scheme=scheme)
    images = torch.randn(7, 9, 6, 6)
    ranges = activations.calibrate(net, images)
    model = int8.to_int8(runtime.export(net, images), layers, ranges)
    (expected,) = ReferenceEvaluator(model).run(None, {"images": images.numpy()})
    step = 3 * (ranges["4"][1] - ranges["4"][0]) / 255 * net[4].weight.abs().max().item()
    simulated = torch_scores(activations.quantize_activations(net, ranges, 8), images)
    np.testing.assert_allclose(expected, simulated, atol=step)
    np.testing.assert_allclose(
        runtime.predict(runtime.session(model), images), simulated, atol=step
    )


def test_int8_worked_by_hand():
    # the input 0.3 has a code on the grid 0, 1/255 .. 1; weights are 127 and -64 steps of 0.01
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 1)).requires_grad_(False)
    codes = torch.tensor([[127, -64]], dtype=torch.int16)
    layer = Coded(codes, codes != 0, 8, torch.tensor([0.01]), torch.empty(0, dtype=torch.int16))
    net[1].weight.copy_(layer.decode())
    net[1].bias.fill_(0.5)
    images = torch.tensor([0.3, 1.0]).view(1, 1, 1, 2)
    model = int8.to_int8(runtime.export(net, images), {"1": layer}, {"1": (0.0, 1.0)})
    scores = runtime.predict(runtime.session(model), images)
    code = round(0.3 * 255)
    assert scores.item() == pytest.approx((127 * code - 64 * 255) * 0.01 / 255 + 0.5, abs=1e-4)
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    assert stored["1.weight.codes"].tolist() == [[127, -64]]
    assert stored["1.weight.codes"].dtype == np.int8
    assert "1.weight" not in stored


@pytest.mark.parametrize(("grain", "scheme"), GRIDS)
def test_the_codes_in_the_graph_are_the_recipes_own(grain, scheme):
    net, layers = coded(zoo.load_trained("small"), grain=grain, scheme=scheme)
    ranges = dict.fromkeys(layers, (0.0, 1.0))
    model = int8.to_int8(runtime.export(net, torch.zeros(1, 1, 28, 28)), layers, ranges)
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    np.testing.assert_array_equal(stored["features.0.weight"], net.features[0].weight.numpy())
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
    layer = encode(net[1].weight, kept, Recipe(bits=8, scheme=scheme, grain="channel"))
    garbled = Coded(torch.where(kept, layer.codes, 99), kept, 8, layer.scale, layer.zero_point)
    images = torch.zeros(1, 1, 2, 2)
    model = int8.to_int8(runtime.export(net, images), {"1": garbled}, {"1": (0.0, 1.0)})
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
        folded, layers = coded(net.eval(), grain="channel", scheme=scheme)
        ranges = activations.calibrate(folded, images)
        model = int8.to_int8(runtime.export(folded, images), layers, ranges)
        simulated = torch_scores(activations.quantize_activations(folded, ranges, 8), images)
        scores = runtime.predict(runtime.session(model), images)
        np.testing.assert_allclose(scores, simulated, atol=0.02)


@pytest.mark.parametrize(("grain", "scheme"), GRIDS)
def test_models_of_all_sorts_run_in_int8(grain, scheme):
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
        folded, layers = coded(net.eval(), grain=grain, scheme=scheme)
        ranges = activations.calibrate(folded, images)
        model = int8.to_int8(runtime.export(folded, images), layers, ranges)
        simulated = torch_scores(activations.quantize_activations(folded, ranges, 8), images)
        scores = runtime.predict(runtime.session(model), images)
        np.testing.assert_allclose(scores, simulated, atol=0.01 * np.abs(simulated).max())


def test_a_residual_network_runs_in_int8_where_it_can(resnet, tmp_path):
    net, layers = coded(resnet)
    images = torch.randn(16, 3, 32, 32)
    ranges = activations.calibrate(net, images)
    model = int8.to_int8(runtime.export(net, images), layers, ranges)
    simulated = torch_scores(activations.quantize_activations(net, ranges, 8), images)
    scores = runtime.predict(runtime.session(model), images)
    np.testing.assert_allclose(scores, simulated, atol=0.05 * np.abs(simulated).max())
    run = kernels(model, tmp_path)
    assert run.count("QLinearConv") == 3  # the first of each block; the others feed a sum


def test_a_layer_of_more_bits_stays_in_float():
    net, layers = coded(zoo.load_trained("small"))
    layers["hidden"] = encode(
        net.hidden.weight, torch.ones_like(net.hidden.weight, dtype=torch.bool), Recipe(bits=16)
    )
    ranges = dict.fromkeys(layers, (0.0, 1.0))
    model = int8.to_int8(runtime.export(net, torch.zeros(1, 1, 28, 28)), layers, ranges)
    names = {i.name for i in model.graph.initializer}
    assert {"hidden.weight", "head.weight.codes"} <= names


def test_a_layer_without_a_range_is_named():
    net, layers = coded(zoo.load_trained("small"))
    with pytest.raises(ValueError, match="no range of activations for layer head, hidden"):
        int8.to_int8(
            runtime.export(net, torch.zeros(1, 1, 28, 28)),
            layers,
            {n: (0.0, 1.0) for n in layers if n.startswith("features")},
        )


def test_int8_leaves_the_float_graph_as_it_was():
    net, layers = coded(zoo.load_trained("small"))
    model = runtime.export(net, torch.zeros(1, 1, 28, 28))
    before = model.SerializeToString(deterministic=True)
    int8.to_int8(model, layers, dict.fromkeys(layers, (0.0, 1.0)))
    assert model.SerializeToString(deterministic=True) == before


# ---- activations


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("span", [(-1.3, 2.7), (0.0, 5.0), (-3.0, 0.0), (0.0, 0.0)])
def test_a_grid_rounds_as_torch_and_onnx_do(bits, span):
    grid = activations.Grid.over(span, bits)
    random = torch.Generator().manual_seed(0)
    values = torch.randn(10_000, generator=random) * 3
    snapped = grid.snap(values)
    top = 2**bits - 1
    theirs = torch.fake_quantize_per_tensor_affine(values, grid.scale, grid.zero_point, 0, top)
    tie = ((values / grid.scale).abs() % 1 - 0.5).abs() < 1e-4  # there the two may differ
    assert torch.equal(snapped[~tie], theirs[~tie])
    assert len(snapped.unique()) <= 2**bits
    assert tie.float().mean() < 0.01


def test_eight_bits_are_bit_for_bit_the_runtimes():
    grid = activations.Grid.over((-1.3, 2.7), 8)
    helper = onnx.helper
    names = ["images", "scale", "zero"]
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", names, ["codes"]),
            helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["scores"]),
        ],
        "grid",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["N"])],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["N"])],
        [
            onnx.numpy_helper.from_array(np.float32(grid.scale), "scale"),
            onnx.numpy_helper.from_array(np.uint8(grid.zero_point), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    values = (torch.arange(-600, 900) * grid.scale / 4).float()  # ties among them
    (theirs,) = runtime.session(model).run(None, {"images": values.numpy()})
    np.testing.assert_array_equal(grid.snap(values).numpy(), theirs)


@pytest.mark.parametrize("span", [(0.5, 1.0), (-2.0, -1.0), (0.0, float("inf")), (float("nan"), 1)])
def test_a_range_without_zero_is_refused(span):
    with pytest.raises(ValueError, match="a range of activations is finite and contains 0, not"):
        activations.Grid.over(span, 8)


@pytest.mark.parametrize("bits", [0, 1, 9, 32])
def test_bits_that_no_grid_has_are_refused(bits):
    with pytest.raises(ValueError, match=f"bits per activation are 2 to 8, not {bits}"):
        activations.Grid.over((0.0, 1.0), bits)


def test_a_simulation_survives_copying_and_keeps_the_state(digits):
    net, _ = coded(zoo.load_trained("small"))
    images = digits.exploration[0][:50]
    ranges = activations.calibrate(net, digits.calibration[0])
    simulated = activations.quantize_activations(net, ranges, 3)
    expected = torch_scores(simulated, images)
    assert not np.allclose(expected, torch_scores(net, images))
    for twin in (copy.deepcopy(simulated), pickle.loads(pickle.dumps(simulated))):
        np.testing.assert_array_equal(torch_scores(twin, images), expected)
    assert simulated.state_dict().keys() == net.state_dict().keys()
    assert all(torch.equal(v, simulated.state_dict()[k]) for k, v in net.state_dict().items())
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_calibration_sees_every_layers_input_and_leaves_no_hook(digits):
    net = network.fold(zoo.load_trained("small"))
    images = digits.calibration[0][:100]
    ranges = activations.calibrate(net, images)
    hidden = torch_scores(net.features, images)
    assert list(ranges) == list(network.prunable(net))
    assert ranges["features.0"] == (images.min().item(), images.max().item())
    assert ranges["hidden"] == (0.0, pytest.approx(hidden.max().item()))
    assert not any(module._forward_hooks for module in net.modules())


def test_multiply_accumulates_of_the_zoo_by_hand():
    net = network.fold(zoo.build(SMALL).eval())
    by_hand = 28 * 28 * 9 * 8 + 14 * 14 * 9 * 8 * 16 + 7 * 7 * 9 * 16 * 32 + 288 * 64 + 64 * 10
    assert activations.macs(net, torch.zeros(3, 1, 28, 28)) == by_hand == 527_104


def test_multiply_accumulates_are_half_of_torchs_flops(resnet):
    from torch.utils.flop_counter import FlopCounterMode

    net, images = resnet, torch.zeros(1, 3, 32, 32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(images)
    assert 2 * activations.macs(net, images) == counter.get_total_flops()


# ---- latency


class Clock:
    """A clock that only moves when a session runs."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def __call__(self):
        return self.now


class Fake:
    """A session that takes as long as it is told to."""

    def __init__(self, clock, name, taken):
        self.clock, self.name, self.taken = clock, name, taken
        self.intra_op_num_threads = 3

    def run(self, outputs, feed):
        count = len(feed["images"])
        self.clock.calls.append((self.name, count))
        self.clock.now += self.taken(count)

    def get_session_options(self):
        return self


IMAGES = np.arange(20, dtype=np.float32).reshape(20, 1, 1, 1)


def timed(baseline, optimized, **options):
    clock = Clock()
    measured = latency.measure(
        lambda: Fake(clock, "baseline", baseline),
        lambda: Fake(clock, "optimized", optimized),
        IMAGES,
        clock=clock,
        **options,
    )
    return measured, clock


def test_known_times_give_known_medians_and_ratios():
    measured, _ = timed(lambda n: 0.001 + 0.001 * n, lambda n: 0.0005 + 0.0005 * n)
    assert (measured.baseline_ms, measured.optimized_ms) == pytest.approx((2.0, 1.0))
    assert (measured.ratio, measured.low, measured.high) == pytest.approx((2.0, 2.0, 2.0))
    assert measured.baseline_iqr_ms == pytest.approx((2.0, 2.0))
    assert measured.optimized_p99_ms == pytest.approx(1.0)
    assert measured.control == pytest.approx((1.0, 1.0, 1.0))
    assert measured.threads == 3
    assert (measured.batch.baseline_ms, measured.batch.ratio) == pytest.approx((33.0, 2.0))
    assert measured.batch.batch is None


def test_noise_is_covered_and_the_control_covers_one():
    random = np.random.default_rng(5)

    def noisy(mean):
        return lambda n: mean * random.lognormal(0, 0.2)

    measured, _ = timed(noisy(0.0015), noisy(0.001), seconds=10)
    for speed in (measured, measured.batch):
        assert speed.low < 1.5 < speed.high
        assert speed.high - speed.low < 0.3
        assert speed.control[1] < 1 < speed.control[2]
        assert speed.baseline_iqr_ms[0] < speed.baseline_ms < speed.baseline_iqr_ms[1]
        assert speed.baseline_p99_ms > speed.baseline_iqr_ms[1]


def test_the_same_model_twice_is_proven_neither_faster_nor_slower():
    covered, tries = 0, 40
    for seed in range(tries):
        random = np.random.default_rng(seed)
        times = random.lognormal(0, 0.1, (12, 20, 3)) * random.lognormal(0, 0.02, (12, 1, 3))
        measured = latency.summarize(times, threads=1)
        covered += measured.low <= 1 <= measured.high
    assert covered >= 0.85 * tries


def test_sessions_that_differ_for_as_long_as_they_live_widen_the_interval():
    random = np.random.default_rng(0)
    rounds = random.lognormal(0, 0.01, (12, 50, 3))
    steady = latency.summarize(rounds, threads=1)
    moody = latency.summarize(rounds * random.lognormal(0, 0.1, (12, 1, 3)), threads=1)
    assert moody.high - moody.low > 5 * (steady.high - steady.low)


def test_quartiles_and_percentiles_are_numpys():
    times = np.random.default_rng(0).gamma(2, 0.001, (4, 25, 3))
    measured = latency.summarize(times, threads=1)
    baseline = 1e3 * times[..., 0].ravel()
    assert measured.baseline_ms == pytest.approx(np.median(baseline))
    assert measured.baseline_iqr_ms == pytest.approx(np.quantile(baseline, [0.25, 0.75]))
    assert measured.baseline_p99_ms == pytest.approx(np.quantile(baseline, 0.99))
    assert measured.ratio == pytest.approx(np.median(baseline) / np.median(1e3 * times[..., 1]))


def test_arms_take_turns_on_the_same_images_one_at_a_time_and_in_batches():
    _, clock = timed(lambda n: 0.001, lambda n: 0.002)
    names = [name for name, _ in clock.calls]
    assert names.count("baseline") == 2 * names.count("optimized")  # one is the control
    assert {count for _, count in clock.calls} == {1, 32}
    thirds = [tuple(names[i : i + 3]) for i in range(0, len(names), 3)]
    assert {third.index("optimized") for third in thirds} == {0, 1, 2}
    assert all(third.count("optimized") == 1 for third in thirds)


@pytest.mark.parametrize("one_call", [1e-6, 1e-3, 0.05])
def test_the_time_it_takes_is_bounded(one_call):
    _, clock = timed(lambda n: one_call, lambda n: one_call, seconds=1.0)
    fewest = latency.FEWEST_OPENINGS * 4 + 2 * latency.PILOT_ROUNDS  # rounds of three calls
    assert clock.now < max(1.5, 3 * one_call * fewest)


@pytest.mark.parametrize("asked", [0, 1, 5, 50])
def test_a_stop_raises_at_once(asked):
    answers = itertools.chain([False] * asked, itertools.repeat(True))
    clock = Clock()
    with pytest.raises(latency.Cancelled):
        latency.measure(
            lambda: Fake(clock, "baseline", lambda n: 0.001),
            lambda: Fake(clock, "optimized", lambda n: 0.001),
            IMAGES,
            clock=clock,
            stop=lambda: next(answers),
        )
    assert len(clock.calls) <= 3 * asked


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="latency is measured on 1 image or more, not 0"):
        latency.measure(None, None, IMAGES[:0])


# ---- activations of few bits


def test_inputs_on_a_grid_worked_by_hand():
    # codes 0 .. 3 of 0.5 around zero point 1: -0.5, 0, 0.5, 1.0; 0.25 and -0.25 are halves
    net = nn.Sequential(nn.Flatten(), nn.Linear(5, 1)).requires_grad_(False)
    net[1].weight.copy_(torch.tensor([[1.0, 10.0, 100.0, 1000.0, 10000.0]]))
    net[1].bias.fill_(0.25)
    images = torch.tensor([0.25, -0.25, 0.3, 7.0, -7.0]).view(1, 1, 1, 5)
    model = runtime.snap_inputs(runtime.export(net, images), {"1": (-0.5, 1.0)}, bits=2)
    onnx.checker.check_model(model, full_check=True)
    expected = 0 * 1 - 0 * 10 + 0.5 * 100 + 1.0 * 1000 - 0.5 * 10000 + 0.25
    assert runtime.predict(runtime.session(model), images).item() == expected
    assert ReferenceEvaluator(model).run(None, {"images": images.numpy()})[0].item() == expected


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_rounded_activations_in_the_runtime_are_the_simulations(bits):
    torch.manual_seed(0)
    images = torch.randn(20, 2, 6, 6)
    plain = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    for net in (Fixed(), Twice(), Parted(), plain):
        folded = network.fold(net.eval())
        ranges = activations.calibrate(folded, images)
        graph = runtime.export(folded, images)
        before = graph.SerializeToString()
        model = runtime.snap_inputs(graph, ranges, bits)
        simulated = torch_scores(activations.quantize_activations(folded, ranges, bits), images)
        scores = runtime.predict(runtime.session(model), images)
        np.testing.assert_allclose(scores, simulated, rtol=1e-4, atol=1e-4)
        assert np.abs(scores - torch_scores(folded, images)).max() > 1e-4
        assert graph.SerializeToString() == before


def test_a_layer_that_the_graph_does_not_show_is_named():
    net, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match=r"the exported graph does not show layer 2, head$"):
        runtime.snap_inputs(
            runtime.export(net, images), dict.fromkeys(("1", "2", "head"), (0, 1)), 4
        )


# ---- files


def test_a_written_file_runs_and_agrees(tmp_path):
    net, images = network.fold(zoo.build(SMALL).eval()), torch.randn(3, 1, 28, 28)
    runtime.write_onnx(runtime.export(net, images), tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(["scores"], {"images": images.numpy()})
    np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"before")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    model = runtime.export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    with pytest.raises(OSError, match="No space left"):
        runtime.write_onnx(model, path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    assert path.read_bytes() == b"before"
