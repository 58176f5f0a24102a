#!/usr/bin/env bash
# A torch net with one Conv3d cannot be converted to channels_last, its Conv2d layers included.
#
# Versions: torch 2.14.1.
# Behaviour: Module.to(memory_format=torch.channels_last) leaves vectors and matrices alone, so one
# expects it to leave all tensors alone that are not N C H W. It converts 4-d and 5-d ones alike, and
# the 5-d weight of a Conv3d raises RuntimeError; channels_last_3d raises for the 4-d weights. No
# memory format serves a net with both, and layers before the failing one are already converted.
# Output seen: "channels_last RuntimeError, channels_last_3d RuntimeError, first layer converted True".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.14.1 numpy==2.2.6
cat > "$folder/order.py" <<'PY'
import torch
from torch import nn


def made():
    return nn.ModuleDict({"flat": nn.Conv2d(4, 8, 3), "deep": nn.Conv3d(1, 2, 3)})


def outcome(net, order):
    try:
        net.to(memory_format=order)
    except RuntimeError:
        return "RuntimeError"
    return "works"


net = made()
flat = outcome(net, torch.channels_last)
deep = outcome(made(), torch.channels_last_3d)
converted = net["flat"].weight.is_contiguous(memory_format=torch.channels_last)
print(f"channels_last {flat}, channels_last_3d {deep}, first layer converted {converted}")
PY
seen=$("$folder/venv/bin/python" "$folder/order.py" 2>/dev/null | tail -n 1)
echo "$seen"
[ "$seen" = "channels_last RuntimeError, channels_last_3d RuntimeError, first layer converted True" ]
