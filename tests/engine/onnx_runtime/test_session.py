from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from example_nets import SMALL, torch_scores
from torch import nn

from optiwidgets.engine.models import batchnorm_folding, zoo
from optiwidgets.engine.onnx_runtime import export
from optiwidgets.engine.onnx_runtime.session import _saturates, open_session, write_onnx

RUNTIME = "optiwidgets.engine.onnx_runtime.session"


def test_importing_the_package_starts_no_runtime():
    code = (
        "import sys; import threading; "
        "from optiwidgets.engine.onnx_runtime import session, qdq_int8, latency; "
        "import optiwidgets.engine.quantization.activations; "
        "assert not {'onnx', 'onnxruntime'} & sys.modules.keys(); "
        "assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("threads", [0, -1, 1.0, True, "2"])
def test_a_number_of_threads_that_is_none_is_refused(threads):
    with pytest.raises(ValueError, match="threads is a whole number, 1 or more, not"):
        open_session(onnx.ModelProto(), threads)


def test_a_session_uses_the_cpu_its_threads_and_does_not_spin():
    model = export.export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    session = open_session(model, threads=2)
    options = session.get_session_options()
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize("exact", [True, False])
def test_where_products_would_saturate_the_runtime_is_told_to_be_exact(monkeypatch, exact):
    monkeypatch.setattr(f"{RUNTIME}._saturates", lambda: exact)
    model = export.export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    options = open_session(model).get_session_options()
    assert options.get_session_config_entry("session.x64quantprecision") == str(int(exact))


def test_saturation_is_seen_in_sums_that_are_too_small(monkeypatch):
    class Saturated:
        def run(self, outputs, feed):
            return [np.full((1, 16), 32767, np.int32)]

    assert _saturates.__wrapped__() in (True, False)
    monkeypatch.setattr(f"{RUNTIME}._open", lambda *a, **k: Saturated())
    assert _saturates.__wrapped__() is True


def test_a_written_file_runs_and_agrees(tmp_path):
    net, images = batchnorm_folding.fold(zoo.build(SMALL).eval()), torch.randn(3, 1, 28, 28)
    write_onnx(export.export(net, images), tmp_path / "m.onnx")
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
    model = export.export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    with pytest.raises(OSError, match="No space left"):
        write_onnx(model, path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    assert path.read_bytes() == b"before"
