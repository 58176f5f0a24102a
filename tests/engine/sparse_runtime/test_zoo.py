"""Whole nets of torchvision run in the sparse runtime, and the scores agree with torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from optiwidgets.engine.models.batchnorm_folding import fold
from optiwidgets.engine.onnx_runtime.export import floats, template
from optiwidgets.engine.sparse_runtime.library import load
from optiwidgets.engine.sparse_runtime.program import plan
from optiwidgets.engine.sparse_runtime.runtime import SparseRuntime

WHOLE = (
    *("resnet18", "resnext50_32x4d", "wide_resnet50_2", "squeezenet1_1", "densenet121"),
    *("mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "shufflenet_v2_x0_5", "googlenet"),
    *("efficientnet_b0", "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf", "resnet34"),
)


@pytest.mark.slow
@pytest.mark.skipif(load() is None, reason="the library was not built here")
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_net_has_the_scores_of_torch(torchvision, name):
    torch.manual_seed(0)
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    net = torchvision.models.get_model(name, weights=None, num_classes=10, **options)
    net.requires_grad_(False)
    images = torch.randn(9, 3, 64, 64)
    for layer in net.modules():  # statistics of one batch; by default the scores would vanish
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None
    net(images)
    net = fold(net.eval())
    tensors = {key: tensor.numpy() for key, tensor in floats(net).items()}
    graph = template(net, images[:1])
    constants = {
        i.name: numpy_helper.to_array(i) for i in graph.graph.initializer if i.name not in tensors
    }
    runtime = SparseRuntime(plan(graph, tuple(images.shape[1:]), constants | tensors), load())
    filled = runtime.fill(constants | tensors)
    in_float, wanted = (
        net(images).softmax(1).numpy(),
        net.double()(images.double()).softmax(1).numpy(),
    )
    near = 1e-5 + 4 * np.abs(in_float - wanted).max()  # layers of few pixels amplify rounding
    found = torch.tensor(filled.predict(images.numpy())).softmax(1).numpy()
    np.testing.assert_allclose(found, wanted, atol=near)
    one = torch.tensor(filled.run_one(images[0].numpy())).softmax(0).numpy()
    np.testing.assert_allclose(one, wanted[0], atol=near)
