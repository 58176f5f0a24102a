"""Images and a folded ResNet for the tests of ONNX Runtime."""

from __future__ import annotations

import pytest
from example_nets import folded_resnet

from optiwidgets.engine.data.loaders import load_dataset


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture
def resnet():
    return folded_resnet()
