#!/usr/bin/env bash
# seaborn.heatmap draws the figure itself, so mathematics in its labels cannot be turned off.
#
# Versions: seaborn 0.13.2, matplotlib 3.10.8, numpy 2.2.6.
# Behaviour: matplotlib reads text between two dollar signs as mathematics unless the text's
# set_parse_math(False) was called before it is drawn. heatmap() renders the figure once before it
# returns, to see whether labels overlap: a label such as "us_$ or ca_$" raises ValueError inside it,
# before the labels can be changed. The same labels set with set_xticklabels(...,
# parse_math=False) after heatmap(xticklabels=False) draw; so does heatmap() inside
# rc_context({"text.parse_math": False}).
# Output seen: "heatmap: ValueError, labels set afterwards: drawn, rc_context: drawn".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet seaborn==0.13.2 matplotlib==3.10.8 numpy==2.2.6
cat > "$folder/draw.py" <<'PY'
import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt
import seaborn as sns

NAMES = ["us_$ or ca_$", "other"]


def outcome(draw):
    plt.figure()
    try:
        draw()
        plt.gcf().canvas.draw()
    except ValueError:
        return "ValueError"
    finally:
        plt.close()
    return "drawn"


def inside():
    for label in sns.heatmap(np.eye(2), xticklabels=NAMES).get_xticklabels():
        label.set_parse_math(False)


def afterwards():
    axes = sns.heatmap(np.eye(2), xticklabels=False)
    axes.set_xticks([0.5, 1.5])
    axes.set_xticklabels(NAMES, parse_math=False)


def in_context():
    with plt.rc_context({"text.parse_math": False}):
        inside()
        plt.gcf().canvas.draw()


print(
    f"heatmap: {outcome(inside)}, labels set afterwards: {outcome(afterwards)}, "
    f"rc_context: {outcome(in_context)}"
)
PY
seen=$("$folder/venv/bin/python" "$folder/draw.py" 2>/dev/null | tail -n 1)
echo "$seen"
[ "$seen" = "heatmap: ValueError, labels set afterwards: drawn, rc_context: drawn" ]
