"""Numbers of a detector that a page computes are those of Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_detector import random_detections, random_targets
from node_answers import answers  # tests/widgets
from numpy.typing import NDArray
from page_detections import box_rows, detector_numbers, detector_run
from page_runs import page_policy
from payload_differences import differences
from planted_faults import unseen_faults

from optiwidgets.engine.evaluation.detection_drop import (
    RESAMPLES,
    resample_weights,
    resampled_maps,
)
from optiwidgets.engine.evaluation.detection_precision import OVERLAPS, average_precisions
from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.tasks.detection_outcome import DetectionOutcome
from optiwidgets.engine.types.boxes import ABSENT, Detections, TrueBoxes
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.widgets.explorer.share_link import spell
from optiwidgets.widgets.panels.detection_payload import (
    detected,
    detection_payload,
    steady_payload,
    true_boxes,
)

SCRIPT = "../../tests/javascript/detection_answers.js"
NAMES = ("cat", "it's", "owl", "none")  # no object is of the last class
POLICIES = (
    *(Policy.MOBILE, Policy.MEDICAL, Policy("lift", 0.25)),
    *(Policy("kiosk", 60.0, 30.0), Policy("fair", 95.0), Policy("toy", 5.0, 0.0)),
)
Boxes = tuple[NDArray[np.float32], ...]


def drawn_boxes(seed: int, levels: int = 0, classes: int = 4) -> tuple[NDArray[np.float32], Boxes]:
    """Draw targets and detections of 12 images; scores of a few levels are often equal.

    There are crowds, an image without objects, one without detections, a class without objects.
    """
    targets = random_targets(12, classes - 1, seed=seed, crowds=0.2)
    targets[3] = (0, 0, 0, 0, ABSENT, 0)
    found = list(random_detections(targets, classes, seed=seed + 1, miss=0.2, shift=4.0))
    found[5] = found[5][:0]
    shift = np.array([1, 0, 1, 0, 0, 0], np.float32)
    found = [np.concatenate([each, each + shift]) for each in found]
    for each in found:
        each[:, 4] = np.round(each[:, 4] * levels) / levels if levels else each[:, 4]
        each[:, 4] = each[:, 4].clip(0, 1)
    return targets, tuple(found)


def crowded(seed: int) -> tuple[NDArray[np.float32], Boxes]:
    """Draw more detections of an image and class than count, with equal scores."""
    targets, found = drawn_boxes(seed)
    many = np.tile(found[0][:4], (40, 1))
    many[:, :4] += np.random.default_rng(seed).normal(0, 2, (len(many), 1))
    many[:, 5], many[:, 4] = 0, np.linspace(0.9, 0.1, len(many)).round(1)
    return targets, (many, *found[1:])


def rivals() -> tuple[NDArray[np.float32], Boxes]:
    """Two detections of equal score that hit both of two objects in one order alone."""
    targets = np.full((12, 2, 6), (0, 0, 0, 0, ABSENT, 0), np.float32)
    targets[0] = [(0, 0, 10, 10, 0, 0), (3, 0, 13, 10, 0, 0)]
    found = np.array([(-1, 0, 9, 10, 0.5, 0), (1, 0, 11, 10, 0.5, 0)], np.float32)
    return targets, (found, *[found[:0]] * 11)


CASES = [
    *(drawn_boxes(seed) for seed in range(3)),
    *(drawn_boxes(seed, levels) for seed in range(10, 16) for levels in (3, 20, 60)),
    crowded(30),
    rivals(),
]


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 7, 300, 999, 65537, 2**21])
def test_random_numbers_are_those_of_numpy(limit: int) -> None:
    random = np.random.default_rng(0)
    expected = random.integers(limit, size=2001) if limit else random.random(2001)
    (found,) = answers(SCRIPT, [["drawn", 2001, limit]])
    assert np.array_equal(np.frombuffer(found), expected)


def asked(overlaps: NDArray[np.float64] = OVERLAPS[:1]) -> list[dict[str, Any]]:
    """Describe the cases for JavaScript."""
    return [
        {
            "found": box_rows(detected(found)),
            "truth": box_rows(true_boxes(TrueBoxes.of(targets), len(targets))),
            "classes": 4,
            "overlaps": overlaps.tolist(),
        }
        for targets, found in CASES
    ]


@lru_cache
def precisions_of(case: int, levels: int) -> NDArray[np.float64]:
    """Compute Python's average precisions of a case, at so many overlaps."""
    (targets, found), overlaps = CASES[case], OVERLAPS[:levels]
    return average_precisions(Detections.of(found), TrueBoxes.of(targets), 4, overlaps).ravel()


def wrong_precisions(levels: int, script: str = SCRIPT) -> list[int]:
    """List the cases whose average precisions differ."""
    (told,) = answers(script, [["precisions", asked(OVERLAPS[:levels])]])
    expected = [precisions_of(case, levels) for case in range(len(CASES))]
    return [
        case
        for case, own in enumerate(told)
        if not np.allclose(np.frombuffer(own), expected[case], 0, 1e-12, equal_nan=True)
    ]


@pytest.mark.parametrize("levels", [10, 1])
def test_average_precisions_are_those_of_python(levels: int) -> None:
    assert wrong_precisions(levels) == []


def test_resampled_maps_are_those_of_python() -> None:
    weights, maps = answers(SCRIPT, [["weights", 12], ["maps", asked()]])
    assert np.array_equal(
        np.frombuffer(weights, "<u2").reshape(RESAMPLES, 12), resample_weights(12).T
    )
    for (targets, found), own in zip(CASES, maps, strict=True):
        expected = resampled_maps(Detections.of(found), TrueBoxes.of(targets), 4, 12)
        assert np.frombuffer(own) == pytest.approx(expected, abs=1e-12, nan_ok=True)


Row = tuple[dict[str, Any], dict[str, Any]]  # for JavaScript, and Python's data


class Drawn:
    """Reports of drawn detections on the same images, with the sizes of a classifier's recipes."""

    def __init__(self, digits: Experiment, seed: int, positive: int | None = None) -> None:
        self.chance, self.positive = np.random.default_rng(seed), positive
        self.recipes = [
            Recipe(),
            Recipe(sparsity=0.3),
            Recipe(sparsity=0.9, bits=4),
            Recipe(bits=8, activation_bits=8),
            Recipe(sparsity=0.5, pruning="channel"),
        ]
        self.sized = [digits.run(recipe) for recipe in self.recipes]
        self.targets, found = drawn_boxes(seed)
        self.found = found
        self.base = self.report(self.sized[0], found)

    def among(self, *values: Any) -> Any:
        return values[self.chance.integers(len(values))]

    def report(self, sized: Report, found: Boxes) -> Report:
        lost = tuple(self.among((), (), (), (5,), (2, 5)))
        found = tuple(each[:0] if i in lost else each for i, each in enumerate(found))
        outcome = DetectionOutcome(self.targets, found, NAMES, lost)
        own = replace(sized, outcome=outcome, class_names=NAMES, out_of=outcome.count)
        return replace(own, positive=self.positive, images="twelve")

    def boxes(self) -> Boxes:
        """Change the baseline's boxes a little, or a lot; scores are often equal."""
        found = [each.copy() for each in self.found]
        levels = self.among(0, 0, 20, 3)
        for each in found:
            each[:, :4] += self.chance.normal(0, self.among(0.1, 1, 4), (len(each), 1))
            drawn = each[:, 4] + self.chance.normal(0, self.among(0.01, 0.2), len(each))
            each[:, 4] = drawn.clip(0, 1)
            if levels:
                each[:, 4] = np.round(each[:, 4] * levels) / levels
        kept = self.among(1.0, 1.0, 0.9, 0.4, 0.0)
        return tuple(each[self.chance.random(len(each)) < kept] for each in found)

    def measured(self, report: Report) -> Report:
        """Add drawn measurements to most reports."""
        if self.chance.random() < 0.7:
            ratio = float(self.among(1.0, 1.004, 0.996, 2.0, 0.4))
            numbers = self.chance.uniform(0.1, 0.9, 8).tolist()
            timed = Latency(ratio, ratio - 0.01, ratio + 0.01, *numbers[:2], threads=1)
            report = replace(report, latency=timed, agreement=float(self.among(1.0, 0.98)))
        if self.chance.random() < 0.7:
            before, after = self.among((0.0, 0.02), (0.01, 0.031), (0.03, 0.05), (0.001, 0.0))
            report = replace(report, flip_rate=after, baseline_flip_rate=before)
        return report

    def rows(self, number: int) -> Iterator[Row]:
        """Draw reports, policies, and what the page has of a run: with Python's drop or without."""
        for _ in range(number):
            sized, policy = self.among(*self.sized), self.among(*POLICIES)
            found = self.found if sized is self.sized[0] else self.boxes()
            report = self.measured(self.report(sized, found))
            moving, stored = (bool(self.among(True, False)) for _ in range(2))
            stored |= report.simulated is not None
            if stored:
                report.drop_from(self.base)  # known before the slider moves
            more = self.among({}, {}, {"surprise": 123456})
            data = detection_payload(self.base, report, policy, moving=moving)
            opened = {"settings": [3, 1], "moving": moving, "linked": more}
            asked = {"policy": page_policy(policy), "open": opened}
            asked["run"] = detector_run(report, self.base, stored=stored)
            if not stored:
                asked["answer"] = self.answer(report)
            yield asked, data | self.linked(report, policy, more)

    def answer(self, report: Report) -> dict[str, Any]:
        """Describe the answer of a page's runtime: boxes in any order, some of a lost image."""
        outcome: DetectionOutcome = report.outcome  # type: ignore[assignment]
        output = np.zeros((outcome.count, 2), np.float32)
        output[list(outcome.lost), 1] = np.nan
        boxes = [self.chance.permutation(each) for each in outcome.boxes]
        for image in outcome.lost:
            boxes[image] = self.found[0]
        told = {"boxes": [each.ravel() for each in boxes], "scores": output.ravel()}
        return told | {"predictions": np.zeros(0, np.uint8), "notFinite": len(outcome.lost)}

    def part(self, first: int) -> Row:
        """Draw a report of the first images, as a slow recipe shows while a slider is dragged."""
        whole, policy = self.report(self.sized[2], self.boxes()), Policy.MOBILE
        order = self.base.outcome.order[:first]
        base, part = (replace(r, outcome=r.outcome.first(order)) for r in (self.base, whole))
        opened = {"settings": [], "moving": True, "indices": order.astype(np.int32)}
        asked = {"policy": page_policy(policy), "open": opened}
        asked["run"] = detector_run(part, base, stored=False)
        asked["answer"] = self.answer(part)
        data = detection_payload(base, part, policy, order, moving=True)
        return asked, data | self.linked(part, policy, {}) | {"settings": []}

    def linked(self, report: Report, policy: Policy, more: dict[str, Any]) -> dict[str, Any]:
        """Describe the keys that the explorer adds to a payload."""
        told = Recipe() if more else report.recipe
        query = spell("scenes", "small", policy.name, told, **more)
        rest = {"line": str(report.recipe), "covered": False, "guess": None, "settings": [3, 1]}
        return {"task": "detection", "query": query} | rest

    def asked(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"experiment": detector_numbers(self.base, "scenes", "small"), "rows": rows}


@pytest.fixture(scope="module", params=[(1, None), (2, 1), (3, 3)], ids=["any", "it's", "none"])
def drawn(request: pytest.FixtureRequest, digits: Experiment) -> Drawn:
    return Drawn(digits, *request.param)


def wrong_data(drawn: Drawn, rows: list[Row], script: str = SCRIPT) -> list[str]:
    """List the differences of all rows, each with its recipe."""
    (told,) = answers(script, [["payloads", drawn.asked([row for row, _ in rows])]])
    assert list(differences(steady_payload(drawn.base), told["steady"])) == []
    return [
        f"{data['line']}: {at}"
        for (_, data), other in zip(rows, told["data"], strict=True)
        for at in differences(data, other)
    ]


@pytest.mark.parametrize("number", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_data_of_random_detections_is_that_of_the_live_page(drawn: Drawn, number: int) -> None:
    rows = [*drawn.rows(number), drawn.part(3), drawn.part(9)]
    assert wrong_data(drawn, rows) == []
    grades = {data["verdict"]["grade"] for _, data in rows}
    assert grades >= {"not yet", "borderline"} | ({"good", "bad"} if number > 99 else set())


def wrong_numbers(drawn: Drawn, reports: list[Report], script: str = SCRIPT) -> list[str]:
    """List the differences of the numbers that reports have beside the feed's data."""
    runs = [detector_run(report, drawn.base, stored=False) for report in reports]
    (told,) = answers(script, [["numbers", drawn.asked(runs)]])
    expected = [
        {
            "drop": asdict(report.drop_from(reports[0])),
            "interval": list(report.outcome.interval),
            "flips": report.outcome.flip_rate(reports[0].outcome),
            "recall": report.recall.tolist(),
            "precision": report.precision.tolist(),
            "found_small": report.found_small,
            "found_large": report.found_large,
        }
        for report in reports
    ]
    return list(differences(expected, told))


def test_numbers_of_a_run_are_those_of_the_report(drawn: Drawn) -> None:
    reports = [drawn.report(drawn.sized[1], drawn.boxes()) for _ in range(4)]
    assert wrong_numbers(drawn, reports) == []


@pytest.mark.slow
def test_data_of_trained_scenes_is_that_of_the_live_page() -> None:
    scenes, recipes = Experiment.load("scenes"), [Recipe(bits=2)]  # a hundred boxes in each image
    recipes += [Recipe(sparsity=s, bits=b) for s, b in ((0.0, 32), (0.41, 8), (0.83, 32), (0.5, 3))]
    base = scenes.run(Recipe())
    reports = [scenes.run(recipe) for recipe in recipes]
    asked = {"experiment": detector_numbers(base, "scenes", "small")}
    asked["runs"] = [detector_run(report, base, stored=False) for report in reports]
    asked["policies"] = [page_policy(policy) for policy in POLICIES]
    (told,) = answers(SCRIPT, [["judged", asked]])
    for report, own in zip(reports, told, strict=True):
        for policy, data in zip(POLICIES, own["data"], strict=True):
            expected = detection_payload(base, report, policy)
            assert list(differences(expected, {name: data[name] for name in expected})) == []
        interval, rates = list(report.outcome.interval), own["rates"]
        assert list(differences(interval, own["interval"])) == []
        assert list(differences(report.recall.tolist(), rates["recall"])) == []
        assert rates["found_small"] == pytest.approx(report.found_small)
        assert rates["found_large"] == pytest.approx(report.found_large)


FAULTS = (  # file, its text, and a fault in its place
    ("box_orders", "LISTED = 120", "LISTED = 1"),
    ("box_orders", "DRAWN = 32", "DRAWN = 31"),
    ("box_orders", "numbers[a] - numbers[b]", "numbers[b] - numbers[a]"),
    ("box_precision", "if (t < NONE) continue;", ""),
    ("box_precision", "isAlike && !(repeated.length && isHit)", "isAlike"),
    ("box_precision", "isCut = matches[0].includes(LEFT_OUT)", "isCut = false"),
    ("box_precision", "if (!again.size) return", "return"),
    ("box_resampling", "(r / AT_ONCE) %", "(r / 1) %"),
    ("box_resampling", "RECALLS[level] <= hits", "RECALLS[level] < hits"),
    ("box_resampling", "matched[d] < NONE", "matched[d] < -9"),
    ("detection_run", "[5, 3, 2, 1, 0]", "[5, 0, 1, 2, 3]"),
    ("detection_run", "? own :", "? own : own ||"),
    ("detection_outcome", "SCORE = 0.3", "SCORE = 0.35"),
    ("detection_outcome", "LARGE = 2", "LARGE = 1"),
    ("detection_outcome", "if (!isCrowd(truth, t)) count++", "count++"),
    ("detection_drop", "Math.min(low, points - half)", "low"),
    ("detection_drop", "loss <= 0", "loss < 0"),
    ("detection_drop", "part < 0.5 ? low + (high - low) * part", "part < 2 ? low"),
    ("detection_verdict", "images: images.count", "images: 1000"),
    ("detection_verdict", 'mark("objects")', 'mark("predictions")'),
    ("detection_payload", "open.moving &&", ""),
    ("shared_payload", "run.baselineBytes / bytes", "bytes / run.baselineBytes"),
)


@pytest.mark.slow
def test_planted_faults_are_found(digits: Experiment, tmp_path: Path) -> None:
    drawn = Drawn(digits, 4)
    rows = [*drawn.rows(40), drawn.part(3), drawn.part(9)]
    reports = [drawn.report(drawn.sized[1], drawn.boxes()) for _ in range(4)]

    def is_seen(script: str) -> bool:
        return bool(
            wrong_data(drawn, rows, script)
            or wrong_numbers(drawn, reports, script)
            or wrong_precisions(10, script)
            or wrong_precisions(1, script)
        )

    assert unseen_faults(FAULTS, "detection_answers.js", tmp_path, is_seen) == []
