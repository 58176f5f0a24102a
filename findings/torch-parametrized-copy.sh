#!/usr/bin/env bash
# Removing a parametrization from a deep copy of a torch module breaks the module it was copied from.
#
# Versions: torch 2.14.1.
# Behaviour: a parametrized module gets a class of its own, made on the fly, whose property computes
# the tensor. copy.deepcopy copies the module's state and shares that class, unlike a second call of
# the parametrizing function, which would make another. remove_parametrizations(copy, ...) deletes the
# property from the shared class: the original keeps its parametrizations in its state_dict, and its
# next forward pass raises AttributeError. Two modules parametrized one by one do not do this.
# Output seen: "one class True, copy works, original AttributeError, made apart works".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.14.1 numpy==2.2.6
cat > "$folder/remove.py" <<'PY'
import copy

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize


def made():
    return parametrizations.weight_norm(nn.Linear(2, 3))


def outcome(net):
    try:
        net(torch.ones(1, 2))
    except AttributeError:
        return "AttributeError"
    return "works"


original, apart = made(), made()
copied = copy.deepcopy(original)
one_class = type(copied) is type(original)
parametrize.remove_parametrizations(copied, "weight", leave_parametrized=True)
assert any("parametrizations" in name for name in original.state_dict())
print(
    f"one class {one_class}, copy {outcome(copied)}, original {outcome(original)}, "
    f"made apart {outcome(apart)}"
)
PY
seen=$("$folder/venv/bin/python" "$folder/remove.py" 2>/dev/null | tail -n 1)
echo "$seen"
[ "$seen" = "one class True, copy works, original AttributeError, made apart works" ]
