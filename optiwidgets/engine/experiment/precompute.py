"""Precomputation of the slider grid of a shipped case and model.

``python -m optiwidgets.engine.experiment.precompute CASE MODEL FILE`` evaluates a grid in its own
process: evaluation leaves threads behind, which do not survive a fork.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.precomputed_reports import PrecomputedReports
from optiwidgets.engine.types.recipe_family import SLIDERS, RecipeFamily
from optiwidgets.engine.types.report import Report


def evaluate_grid(
    experiment: Experiment,
    on_progress: ProgressCallback = lambda _: None,
    family: RecipeFamily = SLIDERS,
) -> PrecomputedReports:
    """Run every recipe of a family, and store the reports without scores.

    Parameters
    ----------
    experiment
        An experiment with at most 256 classes; a shipped one takes a minute.
    on_progress
        Called with the progress; an exception raised by it ends the evaluation.
    family
        Recipes to run; those of the two sliders unless given.

    Raises
    ------
    ValueError
        The experiment has more than 256 classes, or is not a classifier's.
    """
    if reason := experiment.task.impossible.get("grid"):
        raise ValueError(reason)

    def reports() -> Iterator[Report]:
        for place, recipe in enumerate(recipes):
            done = place / len(recipes)
            on_progress(Progress(done, f"slider grid, {place} of {len(recipes)} reports"))
            yield experiment.run(recipe)

    recipes = family.by_sparsity
    return PrecomputedReports.of(experiment.about, reports(), family)


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate and save the grid of a shipped case and model; return 0, or 2 on an error.

    Examples
    --------
    >>> main(["digits", "huge", "grid.npz"])
    2
    """
    parser = argparse.ArgumentParser(
        "optiwidgets.engine.experiment.precompute", description=__doc__
    )
    for name in ("case", "model", "file"):
        parser.add_argument(name)
    given = parser.parse_args(argv)
    try:
        experiment = Experiment.load(given.case, model=given.model, memory_mb=0)  # no recipe twice
        evaluate_grid(experiment, _say).save(given.file)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 2
    return 0


def _say(progress: Progress) -> None:
    """Write a line of progress for every percent."""
    if round(1000 * progress.done) % 10 == 0:
        sys.stderr.write(f"{progress.done:.0%} {progress.stage}\n")


if __name__ == "__main__":
    sys.exit(main())
