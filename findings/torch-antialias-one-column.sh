#!/usr/bin/env bash
# torch's antialiased interpolation of a float image that is one pixel wide, and stays so, repeats
# its first row.
#
# Versions: torch 2.14.1.
# Behaviour: interpolate(mode="bilinear" or "bicubic", antialias=True) resizes height and width one
# after the other, so one expects a column of 6 values to become the same 12 values alone as beside
# a second, equal column, or as without antialias, which changes nothing in an enlargement. A float
# column keeps its first row's value in all 12 rows, without an error; the same column lying as a row,
# two columns, uint8 values and antialias=False give the interpolated ones.
# Output seen: "column first row repeated, row right, two columns right, uint8 right, plain right".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.14.1 numpy==2.2.6
cat > "$folder/column.py" <<'PY'
import torch
from torch.nn.functional import interpolate

column = 40 * torch.arange(6.0).reshape(1, 1, 6, 1)
right = [0.0, 10.0, 30.0, 50.0, 70.0, 90.0, 110.0, 130.0, 150.0, 170.0, 190.0, 200.0]


def outcome(image, size, antialias=True):
    found = interpolate(image, size, mode="bilinear", antialias=antialias)
    values = (found[0, 0, :, 0] if size[0] == 12 else found[0, 0, 0]).tolist()
    if values == right:
        return "right"
    return "first row repeated" if set(values) == {0.0} else "other values"


seen = {
    "column": outcome(column, (12, 1)),
    "row": outcome(column.transpose(2, 3), (1, 12)),
    "two columns": outcome(column.expand(1, 1, 6, 2).contiguous(), (12, 2)),
    "uint8": outcome(column.to(torch.uint8), (12, 1)),
    "plain": outcome(column, (12, 1), antialias=False),
}
print(", ".join(f"{name} {became}" for name, became in seen.items()))
PY
seen=$("$folder/venv/bin/python" "$folder/column.py" 2>/dev/null | tail -n 1)
echo "$seen"
[ "$seen" = "column first row repeated, row right, two columns right, uint8 right, plain right" ]
