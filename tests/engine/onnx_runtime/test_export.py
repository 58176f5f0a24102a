from __future__ import annotations

import copy
import os

import numpy as np
import onnx
import pytest
import torch
from example_nets import SMALL, Fixed, Twice, half, torch_scores
from torch import nn

from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.models import batchnorm_folding, zoo
from optiwidgets.engine.onnx_runtime import export
from optiwidgets.engine.onnx_runtime.session import open_session, predict


@pytest.mark.parametrize("name", ["small", "wide"])
@pytest.mark.parametrize("shrink", [batchnorm_folding.fold, half])
def test_the_runtime_predicts_what_torch_predicts_on_every_image(
    digits, assert_classes, name, shrink
):
    net, images = shrink(zoo.load_trained(name)), digits.exploration[0]
    scores = predict(open_session(export.export(net, images[:1])), images)
    expected = torch_scores(net, images)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert_classes(scores.argmax(1), expected)
    assert scores.dtype == np.float32


def test_a_residual_network_is_exported(resnet):
    net, images = resnet, torch.randn(40, 3, 32, 32)
    scores = predict(open_session(export.export(net, images)), images)
    np.testing.assert_allclose(scores, torch_scores(net, images), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33])
def test_any_number_of_images_fits(count):
    net = batchnorm_folding.fold(zoo.build(SMALL).eval())
    images = torch.randn(count, 1, 28, 28)
    session = open_session(export.export(net, images))
    scores = predict(session, images)
    np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)
    whole = session.run(["scores"], {"images": images.numpy()})[0]
    np.testing.assert_allclose(whole, scores, atol=1e-5)


def test_initializers_have_the_names_and_values_of_the_state():
    net = batchnorm_folding.fold(zoo.build(SMALL).eval())
    model = export.export(net, torch.zeros(1, 1, 28, 28))
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
        scores = predict(open_session(export.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)
    assert len(made) == 1


def test_fewer_channels_need_no_new_export(digits, monkeypatch):
    images = digits.exploration[0][:50]
    whole, part = batchnorm_folding.fold(zoo.load_trained("small")), half(zoo.load_trained("small"))
    export.export(part, images)  # the first of the two
    monkeypatch.setattr(export, "_to_onnx", None)
    for net in (whole, part, half(zoo.load_trained("wide"))):
        model = export.export(net, images)
        onnx.checker.check_model(model, full_check=True)
        scores = predict(open_session(model), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-4)


@pytest.mark.parametrize("case", zoo.SHIPPED)
def test_the_zoos_models_find_their_graphs_and_they_are_what_this_torch_exports(
    case, monkeypatch, tmp_path
):
    dataset = load_dataset(case)
    net, images = (
        batchnorm_folding.fold(zoo.load_trained(zoo.SHIPPED[case][0], case)),
        dataset.exploration[0][:50],
    )
    anew = export.ship(net, images[:1], tmp_path)
    made, shipped = onnx.load(anew), onnx.load(export.GRAPHS / anew.name)
    assert steps(made) == steps(shipped)
    monkeypatch.setattr(export, "_to_onnx", None)
    scores = []
    for folder in (tmp_path, export.GRAPHS):
        monkeypatch.setattr(export, "GRAPHS", folder)
        monkeypatch.setattr(export, "_templates", type(export._templates)())
        scores.append(predict(open_session(export.export(net, images)), images))
        np.testing.assert_allclose(scores[-1], torch_scores(net, images), atol=1e-4)
    np.testing.assert_allclose(*scores, atol=1e-4)


def steps(model):
    """Return what a graph computes (nodes, constants, shapes), without producer and value names.

    Weights are included by their name in the model's state dict, without values.
    """
    graph, names = model.graph, {}
    for initializer in graph.initializer:
        names[initializer.name] = (
            initializer.name
            if "." in initializer.name
            else onnx.numpy_helper.to_array(initializer).tolist()
        )
    for index, value in enumerate(graph.input):
        names[value.name] = ("input", index)
    found = []
    for index, node in enumerate(graph.node):
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        found.append((node.op_type, node.domain, [names[n] for n in node.input], attributes))
        names |= {name: (index, which) for which, name in enumerate(node.output)}
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
    """Operations whose constants depend on the number of channels."""

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
        scores = predict(open_session(export.export(net, images)), images)
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
        scores = predict(open_session(export.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)


def test_remembered_architectures_hold_no_weights_and_are_few(monkeypatch):
    monkeypatch.setattr(export, "_templates", type(export._templates)())
    monkeypatch.setattr(export, "REMEMBERED", 2)
    for outputs in (False, True, None):
        steps = [nn.Flatten(), nn.Linear(400, 300, bias=bool(outputs))]
        steps += [nn.Linear(300, 3)] if outputs is None else []
        export.export(nn.Sequential(*steps).eval(), torch.zeros(1, 1, 20, 20))
    assert len(export._templates) == 2
    assert all(len(t.SerializeToString()) < 4000 for t in export._templates.values())


def test_values_that_are_zero_or_equal_once_are_not_lost_for_other_weights():
    images = torch.randn(5, 2, 6, 6)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(16, 16))
    for tensor in net.parameters():
        nn.init.zeros_(tensor)
    export.export(net.eval(), images)
    for tensor in net.parameters():
        nn.init.normal_(tensor)
    scores = predict(open_session(export.export(net, images)), images)
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
        scores = predict(open_session(export.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)


@pytest.mark.parametrize("make", [Fixed, Twice])
def test_what_the_exporter_rewrites_is_still_right(make):
    torch.manual_seed(0)
    net, images = make().eval(), torch.randn(9, 2, 6, 6)
    for _ in range(2):
        scores = predict(open_session(export.export(net, images)), images)
        np.testing.assert_allclose(scores, torch_scores(net, images), atol=1e-5)


def test_the_graph_tells_nothing_about_the_machine_it_was_made_on():
    text = str(
        export.export(batchnorm_folding.fold(zoo.build(SMALL).eval()), torch.zeros(1, 1, 28, 28))
    )
    assert os.getcwd() not in text
    assert ".py" not in text


def test_exporting_leaves_the_model_as_it_was():
    net = batchnorm_folding.fold(zoo.build(SMALL).eval())
    before = copy.deepcopy(net.state_dict())
    export.export(net, torch.zeros(1, 1, 28, 28))
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
