"""Comparison of two reports: images of a cell, lost and gained images, confusions, significance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation.paired_test import mcnemar_p
from optiwidgets.engine.evaluation.verdict import images_to_settle
from optiwidgets.engine.types.measurements import Drop, Integers
from optiwidgets.engine.types.report import Report

MOST_FLOWS = 12
SAME, LOST, GAINED, FLIP = range(4)  # FLIP: from one wrong class to another
LEVEL = 0.05  # significance level of McNemar's exact test
FEWEST = 6  # images, all in one direction, of a change at that level: p is 0.0625 for 5
REAL, NO_SIGN, CANNOT_TELL = "real", "no sign of a drop", "cannot tell"


@dataclass(frozen=True)
class Cell:
    """Images in one cell of the baseline's or the optimized confusion matrix, most changed first.

    ``images`` are indices in the reports, ``marks`` the change of each: ``SAME``, ``LOST``,
    ``GAINED`` or ``FLIP``, from one wrong class to another. ``scores`` (n, 4) are those of the true
    class before and after, and of the cell's predicted class before and after. ``before`` and
    ``after`` are the counts of the cell in the two matrices.
    """

    images: Integers
    marks: Integers
    scores: NDArray[np.float32]
    before: int
    after: int


@dataclass(frozen=True)
class Flow:
    """Number of images of one class predicted as another one, before and after."""

    truth: int
    prediction: int
    before: int
    after: int

    @property
    def change(self) -> int:
        """Increase of the number of images."""
        return self.after - self.before


@dataclass(frozen=True)
class DropSignificance:
    """Significance of a drop: ``state`` is ``REAL``, ``NO_SIGN`` or ``CANNOT_TELL``.

    ``enough`` is the estimated number of images that would decide it, None if it is decided.
    """

    state: str
    both_right: int
    both_wrong: int
    drop: Drop
    enough: int | None = None


def inspect_cell(baseline: Report, report: Report, truth: int, prediction: int) -> Cell:
    """Find the images of one cell of the baseline's or the optimized confusion matrix.

    Parameters
    ----------
    baseline, report
        Reports of the same images.
    truth, prediction
        Row and column of the cell.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base, rep = exp.run(Recipe()), exp.run(Recipe(sparsity=0.8))
    >>> cell = inspect_cell(base, rep, 4, 9)
    >>> [cell.before, cell.after] == [int(r.confusion.counts[4, 9]) for r in (base, rep)]
    True
    """
    _check_classified("inspect_cell", report)
    of_class = report.labels == truth
    before, after = (of_class & (r.predictions == prediction) for r in (baseline, report))
    images = np.flatnonzero(before | after)
    columns = [truth, prediction]
    pair = np.stack([baseline.scores[images][:, columns], report.scores[images][:, columns]], 2)
    change = np.nan_to_num(np.abs(pair[:, :, 1] - pair[:, :, 0]), nan=np.inf).max(axis=1)
    order = np.argsort(-change, kind="stable")
    chosen = images[order]
    return Cell(
        images=chosen,
        marks=mark(baseline, report)[chosen],
        scores=pair[order].reshape(-1, 4),
        before=int(before.sum()),
        after=int(after.sum()),
    )


def mark(baseline: Report, report: Report) -> Integers:
    """Classify every image as ``SAME``, ``LOST``, ``GAINED`` or ``FLIP`` (wrong both times).

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base, rep = exp.run(Recipe()), exp.run(Recipe(sparsity=0.8))
    >>> int((mark(base, rep) == LOST).sum()) == rep.drop_from(base).lost
    True
    """
    _check_classified("mark", report)
    before, after = (r.predictions == report.labels for r in (baseline, report))
    flipped = baseline.predictions != report.predictions
    flips = np.where(before, LOST, np.where(after, GAINED, FLIP))
    marks: Integers = np.where(flipped, flips, SAME)
    return marks


def flows(baseline: Report, report: Report, most: int = MOST_FLOWS) -> tuple[Flow, ...]:
    """List the confusions that increased, largest increase first (ties: lower class first).

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base = exp.run(Recipe())
    >>> flows(base, base)
    ()
    >>> first, *_ = flows(base, exp.run(Recipe(sparsity=0.9)))
    >>> first.change > 0, first.truth != first.prediction
    (True, True)
    """
    _check_classified("flows", report)
    before, after = baseline.confusion.counts, report.confusion.counts
    grown = after - before
    np.fill_diagonal(grown, 0)
    order = np.argsort(-grown, axis=None, kind="stable")[:most]
    pairs = [divmod(int(index), len(grown)) for index in order]
    return tuple(
        Flow(t, p, int(before[t, p]), int(after[t, p])) for t, p in pairs if grown[t, p] > 0
    )


def light(baseline: Report, report: Report) -> DropSignificance:
    """Test whether the drop is real, by its paired 95 % interval and McNemar's exact p.

    ``REAL``: the whole interval is above 0 and p is below 0.05 (near the limit the two can
    disagree). ``NO_SIGN``: no more images lost than gained. ``CANNOT_TELL``: all other cases.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base = exp.run(Recipe())
    >>> light(base, base).state, light(base, exp.run(Recipe(sparsity=0.9))).state
    ('no sign of a drop', 'real')
    """
    _check_classified("light", report)
    drop, images = report.drop_from(baseline), len(report.labels)
    right = int((report.predictions == report.labels).sum())
    both_right = right - drop.gained
    both_wrong = images - both_right - drop.lost - drop.gained
    if drop.low > 0 and drop.p < LEVEL:
        return DropSignificance(REAL, both_right, both_wrong, drop)
    if drop.lost <= drop.gained:
        return DropSignificance(NO_SIGN, both_right, both_wrong, drop)
    enough = images_to_settle(drop, images, limit=0.0)
    return DropSignificance(CANNOT_TELL, both_right, both_wrong, drop, enough)


def clear_changes(baseline: Report, report: Report) -> Integers:
    """Find the cells of the confusion matrix whose count changed by more than chance explains.

    A cell is one of them if McNemar's exact p (``mcnemar_p``), of the images that entered it and
    those that left it, is below 0.05. Each cell is tested by itself: of many cells, some pass by
    chance. A change by fewer than 6 images never does. Indices are ``truth * K + prediction``.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base = exp.run(Recipe())
    >>> len(clear_changes(base, base))
    0
    >>> 77 in clear_changes(base, exp.run(Recipe(sparsity=0.9)))
    True
    """
    _check_classified("clear_changes", report)
    classes = len(report.class_names)
    moved = baseline.predictions != report.predictions
    rows = classes * report.labels[moved]
    left = np.bincount(rows + baseline.predictions[moved], minlength=classes**2)
    entered = np.bincount(rows + report.predictions[moved], minlength=classes**2)
    changed = np.flatnonzero(np.abs(entered - left) >= FEWEST)
    clear = [mcnemar_p(int(left[cell]), int(entered[cell])) < LEVEL for cell in changed]
    found: Integers = changed[np.array(clear, bool)]
    return found


def worst_class(baseline: Report, report: Report) -> dict[str, float] | None:
    """Find the class whose recall fell most, with its fall in points; None if no recall fell.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base = exp.run(Recipe())
    >>> worst_class(base, base) is None
    True
    >>> worst_class(base, exp.run(Recipe(sparsity=0.9)))["points"] > 0
    True
    """
    falls = 100 * np.nan_to_num(baseline.recall - report.recall)
    worst = int(falls.argmax())
    return {"class": worst, "points": float(falls[worst])} if falls[worst] > 0 else None


def _check_classified(name: str, report: Report) -> None:
    """Raise ValueError for a report in which an image has no single class."""
    if not report.is_classified:
        raise ValueError(f"{name} is for classifiers, and this is a report of {report.task}")
