#!/usr/bin/env bash
# Saving the same tensors with the same metadata twice gives two different safetensors files.
#
# Versions: safetensors 0.8.0, numpy 2.2.6.
# Behaviour: the metadata dict goes through a hash map with a new seed for every call, so its keys are
# written in another order each time, within one process too. Tensors are sorted and do not move: with
# no metadata, or one key, all files are equal. A checksum of a file with metadata therefore says
# nothing about whether two trainings gave the same weights; hash the tensors instead.
# Output seen: "no metadata: 1 kind of file, one key: 1, eight keys: more than 1, tensors equal".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.2.6
cat > "$folder/save.py" <<'PY'
from hashlib import sha256

import numpy as np
from safetensors.numpy import load, save

tensors = {name: np.arange(4, dtype=np.float32) for name in ("b", "a", "c")}


def kinds(metadata):
    files = [save(tensors, metadata) for _ in range(20)]
    for file in files:
        assert all(np.array_equal(load(file)[name], tensors[name]) for name in tensors)
    return len({sha256(file).hexdigest() for file in files})


eight = {f"key {n}": str(n) for n in range(8)}
many = "more than 1" if kinds(eight) > 1 else "1"
print(
    f"no metadata: {kinds(None)} kind of file, one key: {kinds({'key': 'value'})}, "
    f"eight keys: {many}, tensors equal"
)
PY
seen=$("$folder/venv/bin/python" "$folder/save.py")
echo "$seen"
[ "$seen" = "no metadata: 1 kind of file, one key: 1, eight keys: more than 1, tensors equal" ]
