from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from example_nets import Fixed, Parted, Twice, torch_scores
from onnx.reference import ReferenceEvaluator
from torch import nn

from optiwidgets.engine.calibration import activation_ranges
from optiwidgets.engine.models import batchnorm_folding
from optiwidgets.engine.onnx_runtime import export, fake_quantize
from optiwidgets.engine.onnx_runtime.session import open_session, predict
from optiwidgets.engine.quantization import activations


def test_inputs_on_a_grid_worked_by_hand():
    # codes 0 .. 3 of 0.5 around zero point 1: -0.5, 0, 0.5, 1.0; 0.25 and -0.25 are halves
    net = nn.Sequential(nn.Flatten(), nn.Linear(5, 1)).requires_grad_(False)
    net[1].weight.copy_(torch.tensor([[1.0, 10.0, 100.0, 1000.0, 10000.0]]))
    net[1].bias.fill_(0.25)
    images = torch.tensor([0.25, -0.25, 0.3, 7.0, -7.0]).view(1, 1, 1, 5)
    model = fake_quantize.fake_quantize_inputs(
        export.export(net, images), {"1": (-0.5, 1.0)}, bits=2
    )
    onnx.checker.check_model(model, full_check=True)
    expected = 0 * 1 - 0 * 10 + 0.5 * 100 + 1.0 * 1000 - 0.5 * 10000 + 0.25
    assert predict(open_session(model), images).item() == expected
    assert ReferenceEvaluator(model).run(None, {"images": images.numpy()})[0].item() == expected


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_rounded_activations_in_the_runtime_are_the_simulations(bits):
    torch.manual_seed(0)
    images = torch.randn(20, 2, 6, 6)
    plain = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    for net in (Fixed(), Twice(), Parted(), plain):
        folded = batchnorm_folding.fold(net.eval())
        ranges = activation_ranges.calibrate(folded, images)
        graph = export.export(folded, images)
        before = graph.SerializeToString()
        model = fake_quantize.fake_quantize_inputs(graph, ranges, bits)
        simulated = torch_scores(activations.quantize_activations(folded, ranges, bits), images)
        scores = predict(open_session(model), images)
        np.testing.assert_allclose(scores, simulated, rtol=1e-4, atol=1e-4)
        assert np.abs(scores - torch_scores(folded, images)).max() > 1e-4
        assert graph.SerializeToString() == before


def test_a_layer_that_the_graph_does_not_show_is_named():
    net, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match=r"the exported graph does not show layer 2, head$"):
        fake_quantize.fake_quantize_inputs(
            export.export(net, images), dict.fromkeys(("1", "2", "head"), (0, 1)), 4
        )
