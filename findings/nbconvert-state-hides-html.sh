#!/usr/bin/env bash
# nbconvert leaves out an output's HTML once the notebook holds the state of the output's widget.
#
# Versions: nbconvert 7.17.2, nbformat 5.11.1.
# Behaviour: an output may have a widget view beside text/html as its fallback. HTMLExporter shows the
# HTML only while the notebook's metadata lack the state of that widget. With the state, as nbclient
# (store_widget_state) and JupyterLab save it, the page has an empty div and the state for scripts
# that are loaded from a CDN, and the HTML is not in the page at all: read offline, the cell is
# blank. A notebook saved with more in it shows less.
# Output seen: "without state: HTML shown, view left out; with state: HTML left out, view shown".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nbconvert==7.17.2 nbformat==5.11.1
cat > "$folder/convert.py" <<'PY'
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

VIEW, STATE = (f"application/vnd.jupyter.widget-{kind}+json" for kind in ("view", "state"))
PARTS = "<p>the fallback</p>", '"model_id": "a1"'
MODEL = {"model_name": "IntSliderModel", "model_module": "@jupyter-widgets/controls", "state": {}}


def page(with_state):
    view = {"model_id": "a1", "version_major": 2, "version_minor": 0}
    data = {VIEW: view, "text/html": "<p>the fallback</p>", "text/plain": "IntSlider()"}
    notebook = new_notebook(
        cells=[new_code_cell("slider", outputs=[new_output("display_data", data=data)])]
    )
    if with_state:
        saved = {"state": {"a1": MODEL}, "version_major": 2, "version_minor": 0}
        notebook.metadata["widgets"] = {STATE: saved}
    return HTMLExporter().from_notebook_node(notebook)[0]


def seen(html):
    fallback, view = ("shown" if part in html else "left out" for part in PARTS)
    return f"HTML {fallback}, view {view}"


print(f"without state: {seen(page(False))}; with state: {seen(page(True))}")
PY
seen=$("$folder/venv/bin/python" "$folder/convert.py" 2>/dev/null | tail -n 1)
echo "$seen"
[ "$seen" = "without state: HTML shown, view left out; with state: HTML left out, view shown" ]
