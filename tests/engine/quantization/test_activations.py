from __future__ import annotations

import copy
import pickle

import numpy as np
import onnx
import pytest
import torch
from example_nets import coded, torch_scores
from torch import nn

from optiwidgets.engine.calibration import activation_ranges
from optiwidgets.engine.calibration.activation_ranges import calibrate
from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.models import zoo
from optiwidgets.engine.models.macs import positions
from optiwidgets.engine.onnx_runtime.session import open_session
from optiwidgets.engine.quantization import activations


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


class Watched(nn.Module):
    """Model that records the number of hooks on a layer of the original while it runs."""

    seen: list[int]
    given: nn.Linear

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(108, 3).requires_grad_(False)
        type(self).seen, type(self).given = [], self.head

    def forward(self, images):
        self.seen.append(len(self.given._forward_hooks))
        return self.head(images.flatten(1))


@pytest.mark.parametrize("look", [positions, calibrate])
def test_looking_at_a_model_leaves_it_alone_even_while_it_looks(look):
    model = Watched()  # another thread may copy the model at that moment, with its hooks
    look(model, torch.randn(5, 2, 6, 9))
    assert set(model.seen) == {0}


def test_positions_and_ranges_by_hand():
    net = nn.Sequential(nn.Conv2d(2, 5, (3, 2)), nn.Flatten(), nn.Linear(160, 3))
    net[0].weight.data.fill_(-1.0)
    net[0].bias.data.zero_()
    images = torch.ones(4, 2, 6, 9)
    images[1, 0, 0, 0] = 3.0
    assert positions(net, images) == [4 * 8, 1]
    assert calibrate(net, images) == {"0": (0.0, 3.0), "2": (-14.0, 0.0)}


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("span", [(-1.3, 2.7), (0.0, 5.0), (-3.0, 0.0), (0.0, 0.0)])
def test_a_grid_rounds_as_torch_and_onnx_do(bits, span):
    grid = activations.ActivationQuantizer.over(span, bits)
    random = torch.Generator().manual_seed(0)
    values = torch.randn(10_000, generator=random) * 3
    snapped = grid.fake_quantize(values)
    top = 2**bits - 1
    theirs = torch.fake_quantize_per_tensor_affine(values, grid.scale, grid.zero_point, 0, top)
    tie = ((values / grid.scale).abs() % 1 - 0.5).abs() < 1e-4  # at ties the two may differ
    assert torch.equal(snapped[~tie], theirs[~tie])
    assert len(snapped.unique()) <= 2**bits
    assert tie.float().mean() < 0.01


def test_eight_bits_are_bit_for_bit_the_runtimes():
    grid = activations.ActivationQuantizer.over((-1.3, 2.7), 8)
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
    values = (torch.arange(-600, 900) * grid.scale / 4).float()  # includes ties
    (theirs,) = open_session(model).run(None, {"images": values.numpy()})
    np.testing.assert_array_equal(grid.fake_quantize(values).numpy(), theirs)


@pytest.mark.parametrize("span", [(0.5, 1.0), (-2.0, -1.0), (0.0, float("inf")), (float("nan"), 1)])
def test_a_range_without_zero_is_refused(span):
    with pytest.raises(ValueError, match="a range of activations is finite and contains 0, not"):
        activations.ActivationQuantizer.over(span, 8)


@pytest.mark.parametrize("bits", [0, 1, 9, 32])
def test_bits_that_no_grid_has_are_refused(bits):
    with pytest.raises(ValueError, match=f"bits per activation are 2 to 8, not {bits}"):
        activations.ActivationQuantizer.over((0.0, 1.0), bits)


def test_a_simulation_survives_copying_and_keeps_the_state(digits):
    net, _ = coded(zoo.load_trained("small"))
    images = digits.exploration[0][:50]
    ranges = activation_ranges.calibrate(net, digits.calibration[0])
    simulated = activations.quantize_activations(net, ranges, 3)
    expected = torch_scores(simulated, images)
    assert not np.allclose(expected, torch_scores(net, images))
    for twin in (copy.deepcopy(simulated), pickle.loads(pickle.dumps(simulated))):
        np.testing.assert_array_equal(torch_scores(twin, images), expected)
    assert simulated.state_dict().keys() == net.state_dict().keys()
    assert all(torch.equal(v, simulated.state_dict()[k]) for k, v in net.state_dict().items())
    assert not any(module._forward_pre_hooks for module in net.modules())
