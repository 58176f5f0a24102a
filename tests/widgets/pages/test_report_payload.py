"""The feed's data that JavaScript computes from runs is that of the live explorer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from node_answers import answers  # tests/widgets
from page_runs import page_experiment, page_policy, page_run
from payload_differences import differences

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.widgets.explorer.explorer import Explorer

SCRIPT = "../../tests/javascript/feed_answers.js"
POLICIES = (Policy.MOBILE, Policy.MEDICAL)
OWN_LIMITS = (Policy("lift", 0.25), Policy("kiosk", 12.5, 30.0), Policy("toy", 5.0, 0.0))
Row = tuple[dict[str, Any], dict[str, Any]]  # for JavaScript, and Python's data


class Rows:
    """Random recipes of one experiment, each with the explorer's data and its page's run."""

    def __init__(self, experiment: Experiment, seed: int) -> None:
        self.explorer = Explorer(experiment)
        self.experiment, self.chance = experiment, np.random.default_rng(seed)
        self.baseline = experiment.run(Recipe())
        self.layers = list(experiment.layers)
        self.classes, self.count = len(self.baseline.class_names), self.baseline.count
        impossible = experiment.impossible
        self.prunings = [each for each in ("global", "layer", "channel") if each not in impossible]

    def among(self, *values: Any) -> Any:
        return values[self.chance.integers(len(values))]

    def recipe(self) -> Recipe:
        """Draw a recipe; a tenth leave the model as it is, a fifth treat a layer apart."""
        if self.chance.random() < 0.1:
            return Recipe(score=self.among("magnitude", "random"))
        bits = int(self.among(*BIT_WIDTHS, 32, 32, 8))
        pruning = self.among(*self.prunings, "global")
        sparsity = self.among(0.0, self.chance.integers(100) / 100, 0.9, 0.95)
        layers = (self.among(*self.layers), self.among(None, 0.5), self.among(None, 4, 16))
        apart = self.chance.random() < 0.2 and pruning != "channel"
        return Recipe(
            sparsity=0.0 if sparsity > 0.9 and pruning == "channel" else float(sparsity),
            pruning=pruning,
            score=self.among("magnitude", "random"),
            bits=bits,
            granularity=self.among("tensor", "channel"),
            scheme=self.among("symmetric", "affine") if bits > 2 else "symmetric",
            activation_bits=int(self.among(32, 32, 8)),
            layers=(layers,) if apart else (),
            seed=int(self.among(0, 3)),
        )

    def latency(self) -> Latency:
        """Draw a measurement, often one near no speed-up."""
        ratio = float(self.chance.choice([1.0, 1.004, 0.996, 2.0, self.chance.uniform(0.3, 9)]))
        width = ratio * float(self.chance.uniform(0, 0.02))
        numbers = self.chance.uniform(0.1, 0.9, 9).tolist()
        timed = Latency(ratio, ratio - width, ratio + width, *numbers[:2], threads=1)
        whole = replace(timed, baseline_iqr_ms=tuple(numbers[2:4]), control=tuple(numbers[6:9]))
        whole = replace(whole, optimized_iqr_ms=tuple(numbers[4:6]))
        whole = replace(whole, baseline_p99_ms=numbers[5], optimized_p99_ms=numbers[6])
        return replace(whole, batch=replace(whole, batch=None))

    def measured(self, report: Report) -> Report:
        """Add drawn measurements to most reports, and scores that are not finite to a few."""
        if self.chance.random() < 0.1:
            scores = report.scores.copy()
            scores[self.chance.integers(self.count, size=2), 0] = np.nan
            report = replace(report, outcome=replace(report.outcome, scores=scores))
        if self.chance.random() < 0.7:
            timed = self.latency()
            reason = {} if self.chance.random() < 0.5 else {SPARSE_RUNTIME: "its reason"}
            others = {} if reason else {SPARSE_RUNTIME: self.latency()}
            report = replace(
                report,
                latency=timed,
                latencies={ONNX_RUNTIME: timed, **others},
                latency_reasons=reason,
                agreement=float(self.among(1.0, 0.99)),
            )
        if self.chance.random() < 0.7:
            before, after = self.among((0.0, 0.02), (0.01, 0.031), (0.03, 0.05), (0.001, 0.0))
            report = replace(report, flip_rate=after, baseline_flip_rate=before)
        return report

    def rows(self, number: int) -> Iterator[Row]:
        """Draw recipes, policies, open cells, images and tabs."""
        explorer, images = self.explorer, self.explorer.panels.cell_images
        explorer.policy.options = [(each.name, each) for each in (*POLICIES, *OWN_LIMITS)]
        for _ in range(number):
            explorer.policy.value = self.among(*POLICIES, *POLICIES, *OWN_LIMITS)
            images.cell = int(self.among(-1, self.chance.integers(self.classes**2)))
            images.image = -1 if images.cell < 0 else int(self.chance.integers(-1, self.count))
            explorer.panels.changed.looked_at = bool(self.among(True, False))
            explorer.session.ask(self.recipe())
            explorer.session.report = report = self.measured(explorer.session.report)
            explorer.repaint()
            scored = images.cell >= 0
            scores = {
                "baseline": self.baseline.scores.ravel() if scored else None,
                "run": report.scores.ravel() if scored else None,
            }
            opened = {
                "cell": images.cell,
                "image": images.image,
                "changes": explorer.panels.changed.looked_at,
                "settings": explorer.feed.data["settings"],
                "scores": scores,
            }
            policy = page_policy(explorer.policy.value)
            yield {"run": page_run(report), "policy": policy, "open": opened}, explorer.feed.data

    def ask(self, rows: list[Row]) -> list[dict[str, Any]]:
        """Compute the data of the rows in JavaScript."""
        given = {
            "experiment": page_experiment(
                self.experiment, self.explorer.session.case, self.explorer.session.model
            ),
            "baseline": page_run(self.baseline),
            "rows": [row for row, _ in rows],
        }
        (found,) = answers(SCRIPT, [["payloads", given]])
        return list(found)


def wrong(expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[str]:
    """List the differences of all rows, each with its recipe."""
    pairs = zip(expected, found, strict=True)
    return [f"{python['line']}: {at}" for python, data in pairs for at in differences(python, data)]


def check(rows: Rows, number: int) -> list[Row]:
    drawn = list(rows.rows(number))
    assert wrong([data for _, data in drawn], rows.ask(drawn)) == []
    return drawn


@pytest.fixture(scope="module")
def smear() -> Experiment:
    return Experiment.load("smear")


def test_data_of_random_recipes_is_that_of_the_explorer(digits: Experiment) -> None:
    drawn = check(Rows(digits, 1), 40)
    grades = {data["verdict"]["grade"] for _, data in drawn}
    assert grades >= {"good", "borderline", "bad"}
    assert any(data["clear"] for _, data in drawn)


def test_data_with_a_positive_class_is_that_of_the_explorer(smear: Experiment) -> None:
    drawn = check(Rows(smear, 2), 20)
    assert {data["positive"] for _, data in drawn} == {1}


def test_data_of_few_images_is_that_of_the_explorer(own: Experiment) -> None:
    drawn = check(Rows(own, 3), 40)
    assert all(data["few"] for _, data in drawn)
    assert any(None in data["optimized"]["precision"] for _, data in drawn)
