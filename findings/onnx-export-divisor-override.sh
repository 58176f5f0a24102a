#!/usr/bin/env bash
# torch.onnx.export drops AvgPool2d's divisor_override without an error or a warning about it.
#
# Versions: torch 2.13.0 (the same with 2.14.1), onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0.
# Behaviour: ONNX's AveragePool has no divisor. Both exporters (dynamo=True and False) write a plain
# AveragePool, so the file divides by the window's size instead: with a 2 x 2 window and
# divisor_override=3 every output is 3/4 of torch's. The file is valid and runs.
# Output seen: "dynamo 0.7500 of torch's values, script 0.7500".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
cat > "$folder/compare.py" <<'PY'
import pathlib
import warnings

import onnxruntime
import torch

warnings.filterwarnings("ignore")
net = torch.nn.AvgPool2d(2, divisor_override=3).eval()
images = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
ratios = {}
for name, dynamo in (("dynamo", True), ("script", False)):
    path = str(pathlib.Path(__file__).with_name(f"{name}.onnx"))
    torch.onnx.export(net, (images,), path, dynamo=dynamo, input_names=["images"], verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (values,) = session.run(None, {"images": images.numpy()})
    ratio = torch.from_numpy(values) / net(images)
    assert torch.allclose(ratio, ratio[0, 0, 0, 0].expand_as(ratio)), "not one factor"
    ratios[name] = ratio.mean().item()
print(", ".join(f"{name} {ratio:.4f}" for name, ratio in ratios.items()).replace(",", " of torch's values,", 1))
PY
seen=$("$folder/venv/bin/python" "$folder/compare.py" 2>/dev/null | tail -n 1)
echo "$seen"
[ "$seen" = "dynamo 0.7500 of torch's values, script 0.7500" ]
