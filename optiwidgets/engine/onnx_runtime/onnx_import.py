"""Import of an ONNX file as a torch module, compared with ONNX Runtime before it is returned.

The runtime does the constant folding: it runs the graph on two and on three images with all values
as outputs, which gives every shape and every value that does not depend on images. onnx is imported
on first use.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from optiwidgets.engine.onnx_runtime.import_builder import Array, Builder, Facts, Shape, Step
from optiwidgets.engine.onnx_runtime.import_operators import OPERATORS
from optiwidgets.engine.onnx_runtime.session import open_session

if TYPE_CHECKING:
    import onnx

FEW, MORE = 2, 3  # images in the two runs that find shapes depending on the number of images
TOLERANCE = 1e-4  # of the largest score
Values = Mapping[str, Array]


def load_onnx(path: str | os.PathLike[str], images: Tensor) -> nn.Module:
    """Load a torch module from an ONNX file, and check that both give the same scores.

    Convolutions, matrices and BatchNorms become layers, named after their node or weight.

    Parameters
    ----------
    path
        File of a classifier with one input of images, float32 N C H W.
    images
        Images of the model's kind, on which the scores are compared.

    Returns
    -------
    torch.nn.Module
        A module in eval mode that torch.fx can trace. It returns a dict if the file has several
        outputs.

    Raises
    ------
    ValueError
        The file is no ONNX model, takes other images, has an operator that cannot be imported, or
        its scores differ from those of the module.
    OSError
        The file cannot be read.
    """
    model = _load(path)
    image = _image_input(model.graph)
    _check_images(image, images)
    steps, moving = _steps(model.graph, image.name)
    freed = _any_batch(model, image.name, moving)
    few, more = (_all_values(freed, image.name, images, count) for count in (FEW, MORE))
    facts = _facts(model, steps, moving, few, more)
    builder = Builder(facts, image.name, [output.name for output in model.graph.output])
    for step in steps:
        OPERATORS[step.op](builder, step)
    net = builder.finish()
    watch = _Watch(net, builder, few, image.name)
    differs = _difference(net, model, image, images) or watch.difference(_squashed(builder))
    if differs:
        raise ValueError(
            f"the imported model differs from the ONNX file: {differs}; {watch.culprit()}; build "
            "the model in torch instead"
        )
    return net


def _load(path: str | os.PathLike[str]) -> onnx.ModelProto:
    import onnx
    from onnx.inliner import inline_local_functions

    try:
        model = onnx.load(path)
    except OSError:
        raise
    except Exception as error:  # protobuf's exception; its package is not a dependency
        raise ValueError(f"{os.fspath(path)} is not an ONNX file: {error}") from error
    if not model.graph.node:
        raise ValueError(f"{os.fspath(path)} is not an ONNX file: it holds no graph")
    return inline_local_functions(model) if model.functions else model


def _image_input(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    """Return the only input that is not a weight; raise ValueError if it is not float32 images."""
    weights = {i.name for i in graph.initializer}
    found: list[onnx.ValueInfoProto] = [v for v in graph.input if v.name not in weights]
    if len(found) != 1:
        names = ", ".join(repr(value.name) for value in found)
        raise ValueError(f"the ONNX file has {len(found)} inputs ({names}); one, images, is needed")
    kind = found[0].type.tensor_type
    if kind.elem_type != 1:  # TensorProto.FLOAT
        from onnx import TensorProto

        name = TensorProto.DataType.Name(kind.elem_type).lower()
        raise ValueError(
            f"the ONNX file takes {found[0].name!r} as {name}; float32 images are needed, so give "
            "the model in float32"
        )
    return found[0]


def _lengths(value: onnx.ValueInfoProto) -> list[int | None]:
    """Return the lengths of an input's axes, None for any length (some writers store -1)."""
    axes = value.type.tensor_type.shape.dim
    return [axis.dim_value if axis.dim_value > 0 else None for axis in axes]


def _check_images(image: onnx.ValueInfoProto, images: Tensor) -> None:
    """Compare the shape of images with the file's input; raise ValueError if they differ."""
    lengths = _lengths(image)
    taken = " x ".join("any" if n is None else str(n) for n in lengths[1:])
    given = " x ".join(map(str, images.shape[1:]))
    pairs = zip(lengths[1:], images.shape[1:], strict=False)
    if len(lengths) == 4 and all(own in (None, other) for own, other in pairs):
        return
    last = len(lengths) == 4 and lengths[3] == images.shape[1] != lengths[1]
    way = (
        "it has channels last (N H W C); export it with channels first"
        if last
        else "load the images at its size, with its number of channels"
    )
    raise ValueError(f"the ONNX file takes images of {taken}, the dataset has {given}: {way}")


def _steps(graph: onnx.GraphProto, image: str) -> tuple[tuple[Step, ...], set[str]]:
    """Find the steps from the images to the outputs, and all values that depend on the images.

    Raises
    ------
    ValueError
        A step cannot be imported, or an output does not depend on the images.
    """
    every = [Step.of(node) for node in graph.node]
    moving = {image}
    for step in every:
        if step.op != "Shape" and moving & set(step.inputs):
            moving.update(step.outputs)
    needed = {output.name for output in graph.output}
    if fixed := needed - moving:
        raise ValueError(f"output {min(fixed)!r} of the ONNX file does not depend on the images")
    kept: list[Step] = []
    for step in reversed(every):
        if needed & moving & set(step.outputs):
            kept.append(step)
            needed.update(step.inputs)
    for step in reversed(kept):
        if step.op not in OPERATORS:
            step.refuse(
                f"is not among the supported operators: {', '.join(sorted(OPERATORS))}; "
                "build the model in torch instead"
            )
    return tuple(reversed(kept)), moving


def _any_batch(model: onnx.ModelProto, image: str, moving: set[str]) -> onnx.ModelProto:
    """Copy a graph and free its batch axis, so that it takes any number of images."""
    from onnx import numpy_helper

    freed = copy.deepcopy(model)
    graph = freed.graph
    del graph.value_info[:]
    batch = next(v for v in graph.input if v.name == image).type.tensor_type.shape.dim[0]
    if (fixed := batch.dim_value) < 1:
        return freed
    batch.dim_param = "images"
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    constants = _constants(graph)
    views = [n for n in graph.node if n.op_type == "Reshape" and n.input[0] in moving]
    for number, node in enumerate(views):
        shape = constants.get(node.input[1])
        if shape is not None and len(shape) and shape[0] == fixed:
            del node.attribute[:]  # without allowzero, 0 keeps the input's length
            node.input[1] = f"any batch {number}"
            lengths = np.array([0, *shape[1:]], np.int64)
            graph.initializer.append(numpy_helper.from_array(lengths, node.input[1]))
    return freed


def _constants(graph: onnx.GraphProto) -> dict[str, Array]:
    """Read initializers and Constant nodes, by name."""
    from onnx import numpy_helper

    found = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def _all_values(model: onnx.ModelProto, image: str, images: Tensor, count: int) -> Values:
    """Run a graph on ``count`` images, and return all its values by name."""
    import onnx

    shown = copy.deepcopy(model)
    del shown.graph.output[:]
    names = [name for node in shown.graph.node for name in node.output if name]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    batch = images[[index % len(images) for index in range(count)]]
    found = dict(zip(names, _run(shown, image, batch), strict=True))
    return {image: batch.numpy(), **found, **_constants(shown.graph)}


def _run(model: onnx.ModelProto, image: str, *batches: Tensor) -> list[Array]:
    """Run a graph on batches, and return its outputs, concatenated over the batches."""
    session = open_session(model)
    try:
        found = [session.run(None, {image: batch.contiguous().numpy()}) for batch in batches]
    except Exception as error:
        shape = " x ".join(map(str, batches[0].shape))
        raise ValueError(
            f"ONNX Runtime does not run the file on images of {shape}: {error}"
        ) from error
    return [
        np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in zip(*found, strict=True)
    ]


def _facts(
    model: onnx.ModelProto, steps: tuple[Step, ...], moving: set[str], few: Values, more: Values
) -> Facts:
    constants = {
        name: value
        for name, value in few.items()
        if name not in moving and np.array_equal(value, more[name])
    }
    shapes = {name: _shape(name, few[name], more[name]) for name in moving if name in few}
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    return Facts(steps, constants, shapes, opset)


def _shape(name: str, few: Array, more: Array) -> Shape:
    """Return the lengths of a value's axes, None if proportional to the number of images."""
    pairs = list(zip(few.shape, more.shape, strict=True))
    if any(a != b and a * MORE != b * FEW for a, b in pairs):
        raise ValueError(
            f"the shape of {name!r} in the ONNX file is {few.shape} for {FEW} images and "
            f"{more.shape} for {MORE}: no axis is the batch"
        )
    return tuple(a if a == b else None for a, b in pairs)


def _difference(
    net: nn.Module, model: onnx.ModelProto, image: onnx.ValueInfoProto, images: Tensor
) -> str:
    """Compare scores with the runtime's, image by image; return the difference, empty if equal."""
    at_once = _lengths(image)[0] or 1
    batches = [part.repeat(at_once, 1, 1, 1) for part in images.split(1)]
    expected = [values[::at_once] for values in _run(model, image.name, *batches)]
    with torch.no_grad():
        made = net(images)
    names = [output.name for output in model.graph.output]
    for name, right in zip(names, expected, strict=True):
        ours = (made[name] if isinstance(made, dict) else made).numpy()
        if ours.shape != right.shape:
            return f"{name!r} has shape {ours.shape} and not {right.shape}"
        if not np.isfinite(right).all():
            return f"{name!r} is not finite on these images"
        if (apart := _apart(ours, right)) > TOLERANCE:
            return f"{name!r} differs by {apart:.2g} of its largest value"
    return ""


def _apart(ours: Array, right: Array) -> float:
    """Compute the largest difference as a share of the largest value; infinite if not finite."""
    apart = float(np.abs(ours - right).max() / max(float(np.abs(right).max()), 1e-30))
    return apart if np.isfinite(apart) else np.inf


def _squashed(builder: Builder) -> list[str]:
    """List the inputs of softmaxes and sigmoids, whose outputs hide differences near 0 and 1."""
    squash = ("Softmax", "LogSoftmax", "Sigmoid")
    return [step.inputs[0] for step in builder.facts.steps if step.op in squash]


class _Watch(fx.Interpreter):
    """Interpreter of an imported graph that compares its values with the runtime's."""

    def __init__(self, net: fx.GraphModule, builder: Builder, few: Values, image: str) -> None:
        super().__init__(net, garbage_collect_values=False)
        self.values: dict[str, Any] = {}
        self.builder, self.few = builder, few
        with torch.no_grad():
            self.run(torch.from_numpy(few[image]))

    def run_node(self, n: fx.Node) -> Any:
        """Run one step and store its result."""
        self.values[n.name] = super().run_node(n)
        return self.values[n.name]

    def difference(self, names: Iterable[str]) -> str:
        """Name the first of some values that differs from the runtime's; empty if none does."""
        for name in names:
            made = self.builder.made.get(name)
            value = self.values.get(made.name) if made is not None else None
            if not isinstance(value, Tensor):
                continue
            right = self.few[name]
            if value.shape != right.shape or _apart(value.numpy(), right) > TOLERANCE:
                return f"{name!r} differs"
        return ""

    def culprit(self) -> str:
        """Name the first step whose result differs from the runtime's."""
        for step in self.builder.facts.steps:
            if self.difference(step.outputs):
                return f"first at {step.described}"
        return "small differences add up"
