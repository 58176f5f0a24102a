"""The feed's data that JavaScript computes from runs is that of the live explorer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from node_answers import answers  # tests/widgets
from page_runs import page_experiment as feed_experiment
from page_runs import page_policy, page_run
from payload_differences import differences
from planted_faults import unseen_faults
from texts import collect  # tools/texts.py

from optiwidgets.engine.evaluation.metrics import mean_average_precision
from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import BIT_WIDTHS, N_OF_M, Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.texts import SOURCE, messages, plural_choice, plurals, use
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.pages.page_content import PRUNED, PageContent
from optiwidgets.widgets.pages.page_experiment import page_experiment
from optiwidgets.widgets.panels.comparison_payload import (
    cell_payload,
    changes_payload,
    image_payload,
)
from optiwidgets.widgets.panels.report_payload import report_payload

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
        known = ("global", "global", "layer", "channel", "2:4", "1:4")
        self.prunings = [each for each in known if each not in impossible]

    def among(self, *values: Any) -> Any:
        return values[self.chance.integers(len(values))]

    def recipe(self) -> Recipe:
        """Draw a recipe; a tenth leave the model as it is, a fifth treat a layer apart."""
        if self.chance.random() < 0.1:
            return Recipe(score=self.among("magnitude", "random"))
        bits = int(self.among(*BIT_WIDTHS, 32, 32, 8))
        pruning = self.among(*self.prunings)
        sparsity = self.among(0.0, self.chance.integers(100) / 100, 0.9, 0.95)
        layers = (self.among(*self.layers), self.among(None, 0.5), self.among(None, 4, 16))
        apart = self.chance.random() < 0.2 and pruning in ("global", "layer")
        dense = pruning in N_OF_M or (sparsity > 0.9 and pruning == "channel")
        schemes = {1: ("symmetric",), 2: ("symmetric", "ternary"), 8: ("affine", "codebook")}
        return Recipe(
            sparsity=0.0 if dense else float(sparsity),
            pruning=pruning,
            score=self.among("magnitude", "random"),
            bits=bits,
            granularity=self.among("tensor", "channel"),
            scheme="symmetric"
            if apart
            else self.among(*schemes.get(bits, ("symmetric", "affine"))),
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

    def rows(
        self, number: int, recipe: Callable[[], Recipe] | None = None, *, measured: bool = True
    ) -> Iterator[Row]:
        """Draw recipes, policies, open cells, images and tabs."""
        explorer, images = self.explorer, self.explorer.panels.cell_images
        explorer.policy.options = [(each.name, each) for each in (*POLICIES, *OWN_LIMITS)]
        for _ in range(number):
            explorer.policy.value = self.among(*POLICIES, *POLICIES, *OWN_LIMITS)
            images.cell = int(self.among(-1, self.chance.integers(self.classes**2)))
            images.image = -1 if images.cell < 0 else int(self.chance.integers(-1, self.count))
            explorer.linked = self.among({}, {}, {"surprise": 123456})
            explorer.panels.changed.looked_at = bool(self.among(True, False))
            explorer.session.ask(recipe() if recipe else self.recipe())
            report = explorer.session.report
            if measured:
                explorer.session.report = report = self.measured(report)
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
                "linked": explorer.linked,
            }
            policy = page_policy(explorer.policy.value)
            yield {"run": page_run(report), "policy": policy, "open": opened}, explorer.feed.data

    def part(self, first: int) -> Row:
        """Draw a recipe on the first images, as a slow one shows while a slider is dragged."""
        baseline, policy = self.experiment.baseline_of_first(first), Policy.MOBILE
        report = self.experiment.run(self.recipe(), first=first)
        indices = self.baseline.outcome.order[:first]
        truth = int(report.labels[0])
        cell, image = truth * (self.classes + 1), int(indices[0])
        opened = {"cell": cell, "image": image, "changes": True, "settings": []}
        scores = {"baseline": self.baseline.scores.ravel(), "run": report.scores.ravel()}
        opened |= {"scores": scores, "indices": indices.astype(np.int32)}
        more = {"images": self.baseline.images, "image": image}
        data = report_payload(baseline, report, policy) | changes_payload(baseline, report)
        data["cell"] = cell_payload(baseline, report, cell, indices) | more
        data["image"] = image_payload(baseline, report, image, indices)
        return {"run": page_run(report), "policy": page_policy(policy), "open": opened}, data

    def ask(self, rows: list[Row], script: str = SCRIPT) -> list[dict[str, Any]]:
        """Compute the data of the rows in JavaScript."""
        session = self.explorer.session
        forms = {"forms": plurals(), "choice": plural_choice()}
        given = {
            "experiment": feed_experiment(self.experiment, session.case, session.model),
            "baseline": page_run(self.baseline),
            "rows": [row for row, _ in rows],
            "texts": {"OW_MESSAGES": messages(), "OW_PLURALS": forms} if messages() else {},
        }
        (found,) = answers(script, [["payloads", given]])
        return list(found)


def wrong(rows: list[Row], found: list[dict[str, Any]]) -> list[str]:
    """List the differences of all rows, each with its recipe."""
    return [
        f"{told['line']}: {at}"
        for (_, data), told in zip(rows, found, strict=True)
        for at in differences(data, told)
    ]


def check(rows: Rows, number: int) -> list[dict[str, Any]]:
    """Compare the data of drawn recipes, and return Python's."""
    drawn = list(rows.rows(number))
    assert wrong(drawn, rows.ask(drawn)) == []
    return [data for _, data in drawn]


@pytest.fixture
def translated(tmp_path: Path) -> Iterator[None]:
    """Translate every message of the package, so that equal texts come from equal messages."""
    catalogue = collect()
    for number, entry in enumerate(catalogue):
        form = f"{number}: {entry.msgid_plural or entry.msgid}"
        if entry.msgid_plural:
            entry.msgstr_plural = {0: form, 1: f"{form}!"}
        else:
            entry.msgstr = form
    catalogue.save(tmp_path / "numbered.po")
    use("numbered", tmp_path)
    yield
    use(SOURCE)


@pytest.fixture(scope="module")
def smear() -> Experiment:
    return Experiment.load("smear")


@pytest.fixture(scope="module")
def of_digits(digits: Experiment) -> Iterator[Rows]:
    rows = Rows(digits, 1)
    yield rows
    rows.explorer.close()


@pytest.fixture(scope="module")
def few(digits: Experiment) -> Iterator[Rows]:
    """Rows of 30 images, none of the last classes."""
    images, labels = digits.dataset.exploration
    dataset = replace(digits.dataset, exploration=(images[:1200:40], labels[:1200:40]))
    rows = Rows(digits.on(dataset), 3)
    yield rows
    rows.explorer.close()


NUMBERS = pytest.mark.parametrize("number", [20, pytest.param(100, marks=pytest.mark.slow)])


@NUMBERS
def test_data_of_random_recipes_is_that_of_the_explorer(of_digits: Rows, number: int) -> None:
    found = check(of_digits, number)
    assert {data["verdict"]["grade"] for data in found} >= {"borderline", "bad"}
    assert any(data["clear"] for data in found)
    assert any("cell" in data and "lamp" in data for data in found)


@NUMBERS
def test_data_with_a_positive_class_is_that_of_the_explorer(smear: Experiment, number: int) -> None:
    found = check(Rows(smear, 2), number)
    assert {data["positive"] for data in found} == {1}
    assert any(data["verdict"]["policy"] == "medical image" for data in found)


@NUMBERS
def test_data_of_few_images_is_that_of_the_explorer(few: Rows, number: int) -> None:
    found = check(few, number)
    assert all(data["few"] for data in found)
    assert any(None in data["optimized"]["recall"] for data in found)
    assert any(None in data["optimized"]["precision"] for data in found)


@pytest.mark.slow
def test_data_of_a_pages_grids_is_that_of_the_explorer(digits: Experiment, tmp_path: Path) -> None:
    sparsities = (0.0, 0.07, 0.31, 0.5, 0.77, 0.93)
    families = [RecipeFamily(recipe, sparsities) for recipe in PRUNED]
    rows = Rows(digits, 5)
    session = rows.explorer.session
    json, blocks = page_experiment(
        digits, PageContent(families), names=(session.case, session.model), folder=tmp_path
    )
    known = sorted({recipe for family in families for recipe in family.recipes}, key=str)
    drawn = list(rows.rows(300, lambda: rows.among(*known), measured=False))
    asked = {"json": json, "blocks": blocks, "rows": [row for row, _ in drawn]}
    (found,) = answers(SCRIPT, [["payloadsOfGrids", asked]])
    assert wrong(drawn, found) == []


def test_translated_data_is_that_of_the_explorer(digits: Experiment, translated: None) -> None:
    found = check(Rows(digits, 4), 8)
    assert all(data["things"].endswith(": images") for data in found)
    assert all(data["verdict"]["reasons"][0][0].isdigit() for data in found)


def test_data_of_the_first_images_is_that_of_the_explorer(of_digits: Rows) -> None:
    rows = [of_digits.part(first) for first in (10, 333)]
    found = of_digits.ask(rows)
    own = [
        {name: data[name] for name in python} for (_, python), data in zip(rows, found, strict=True)
    ]
    assert (
        wrong(rows, [data | {"line": ""} for data in own]) == [": .line is only in JavaScript"] * 2
    )


def test_average_precisions_are_those_of_python_with_ties() -> None:
    chance = np.random.default_rng(5)
    labels = chance.integers(3, size=200)
    scores = chance.random((40, 200, 3), np.float32)
    scores[10:] = (scores[10:] * 8).round() / 8  # equal scores
    scores[20:] = scores[20:].clip(0.25, 0.5)
    scores[30, 7, 1] = np.nan
    given = {"labels": labels.astype(np.uint8), "classes": 3, "scores": list(scores)}
    (found,) = answers(SCRIPT, [["precisions", given]])
    expected = [mean_average_precision(labels, each) for each in scores]
    assert list(differences(expected, found)) == []


FAULTS = (  # file, its text, and a fault in its place
    ("verdict_rules", "BAD_POINTS = 5", "BAD_POINTS = 4"),
    ("verdict_rules", "P_LIMIT = 0.05", "P_LIMIT = 1"),
    ("verdict_rules", "isAccurate = drop.high < limit", "isAccurate = drop.points < limit"),
    ("verdict_rules", "Math.max(3 *", "Math.max(4 *"),
    ("verdict_rules", "1 - totalBytes(run)", "totalBytes(run)"),
    ("verdict_reasons", "SMALLEST_CUT = 0.5", "SMALLEST_CUT = 0.9"),
    ("verdict_reasons", "speed[1] <= 1", "speed[0] <= 1"),
    (
        "class_outcome",
        "labels[i] * classes + predictions[i]",
        "i % classes * classes",
    ),
    ("class_outcome", "z2 / (4 * total)", "z2 / (2 * total)"),
    ("paired_changes", "FEWEST_MOVED = 6", "FEWEST_MOVED = 8"),
    ("class_outcome", "(lost + 1) / (n + 2)", "(lost + 1) / (n + 1)"),
    ("paired_changes", "grown[b] - grown[a]", "grown[a] - grown[b]"),
    ("cell_payload", "MOST_DRAWN = 24", "MOST_DRAWN = 23"),
    ("cell_payload", "Math.max(...changes)", "Math.min(...changes)"),
    ("shared_payload", "run.baselineBytes / bytes", "bytes / run.baselineBytes"),
    ("speed_notes", "widths(recipe).length > 1", "widths(recipe).length > 2"),
)


@pytest.mark.slow
def test_planted_faults_are_found(of_digits: Rows, few: Rows, tmp_path: Path) -> None:
    drawn = [(rows, list(rows.rows(40))) for rows in (of_digits, few)]

    def is_seen(script: str) -> bool:
        return any(wrong(asked, rows.ask(asked, script)) for rows, asked in drawn)

    assert unseen_faults(FAULTS, "feed_answers.js", tmp_path, is_seen) == []
