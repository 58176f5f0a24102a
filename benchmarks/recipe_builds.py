"""``inner_loop.py --build``: recipe -> confusion matrix and size, in two checkouts in turn.

Each checkout has one process for each model. In every round both run the same recipes, in turn,
without report cache: all weights, then half of them and so on. Times are wall times; a ratio is the
other build's time over this one's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from builds import OTHER, OURS, THIS, builds, environment, geometric_mean, in_turn

MODELS = ("small", "wide")
SPARSITIES = (0.0, 0.5, 0.8, 0.9, 0.95)
SIZED, UNSIZED, TUTORIAL = "with size", "without size", "tutorial way"
HANDFUL = 5  # images whose class floating-point order may change
Times = dict[tuple[str, str, float], list[float]]  # build, way, sparsity


def compare(other: Path, rounds: int) -> dict[str, Any]:
    """Measure all models in this checkout and another."""
    return {model: compare_model(builds(other), model, rounds) for model in MODELS}


def compare_model(folders: dict[str, Path], model: str, rounds: int) -> dict[str, Any]:
    """Run rounds of one model in both checkouts; return ratios for each sparsity and their mean."""
    times: Times = {}
    moved = 0
    with ExitStack() as stack:
        ask = {name: stack.enter_context(worker(at, model)) for name, at in folders.items()}
        for turn in range(rounds + 1):  # the first round is a warm-up
            for way, sparsity in ((w, s) for w in (SIZED, UNSIZED, TUTORIAL) for s in SPARSITIES):
                found = {
                    name: ask[name](way, sparsity)
                    for name in in_turn(list(ask), turn)
                    if way != TUTORIAL or name == OURS
                }
                moved = max(moved, moved_images([answer["counts"] for answer in found.values()]))
                for name, answer in found.items():
                    times.setdefault((name, way, sparsity), []).append(answer["s"])
    if moved > HANDFUL:
        raise AssertionError(f"the builds disagree on {moved} images of {model}: not comparable")
    return summary({key: taken[1:] for key, taken in times.items()}) | {"images_moved": moved}


def summary(times: Times) -> dict[str, Any]:
    """Compute ratios to this build, by sparsity and as geometric means.

    Parameters
    ----------
    times
        Seconds of every round, by build, way and sparsity.
    """
    ours = {way: [times[OURS, way, s] for s in SPARSITIES] for way in (SIZED, UNSIZED, TUTORIAL)}
    theirs = {way: [times[OTHER, way, s] for s in SPARSITIES] for way in (SIZED, UNSIZED)}
    ratios = {way: paired(theirs[way], ours[way]) for way in theirs}
    ratios[TUTORIAL] = paired(ours[TUTORIAL], ours[SIZED])
    return {
        "ms": {
            OURS: {way: [1e3 * median(taken) for taken in lists] for way, lists in ours.items()},
            OTHER: {way: [1e3 * median(taken) for taken in lists] for way, lists in theirs.items()},
        },
        "ratios": ratios,
        "means": {way: geometric_mean(each) for way, each in ratios.items()},
    }


def paired(slow: list[list[float]], fast: list[list[float]]) -> list[float]:
    """Compute the median of ratios for each pair of lists, round by round.

    Examples
    --------
    >>> paired([[2.0, 6.0, 4.0]], [[1.0, 2.0, 2.0]])
    [2.0]
    """
    pairs = zip(slow, fast, strict=True)
    return [median(a / b for a, b in zip(one, two, strict=True)) for one, two in pairs]


def moved_images(matrices: list[Any]) -> int:
    """Count the images in another cell of the last matrix than of the first."""
    return int(np.abs(np.subtract(matrices[0], matrices[-1])).sum()) // 2


@contextmanager
def worker(build: Path, model: str) -> Iterator[Any]:
    """Start a process that imports a checkout; yield ``ask(way, sparsity)``."""
    command = [sys.executable, str(Path(__file__).resolve()), str(build), model]
    process = subprocess.Popen(
        command,
        env=environment(build),
        cwd=build,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout

    def ask(way: str, sparsity: float) -> dict[str, Any]:
        print(json.dumps([way, sparsity]), file=process.stdin, flush=True)
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise SystemExit(f"{build}: the process for {model} ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait()


def answer_all(build: Path, model: str) -> None:
    """Answer every line of the standard input with a time and a matrix."""
    import optiwidgets as ow

    if not Path(ow.__file__).is_relative_to(build):
        raise SystemExit(f"{ow.__file__} was imported, not the package in {build}")
    experiment = ow.Experiment.load("digits", model=model, memory_mb=0)
    folded = "magnitude-folded"  # both rank folded weights; older builds have no other score
    score = folded if has_score(ow, folded) else "magnitude"
    tutorial = tutorial_way(experiment) if build == THIS else None

    def run(way: str, sparsity: float) -> Any:
        if way == TUTORIAL and tutorial:
            return tutorial(sparsity)
        report = experiment.run(ow.Recipe(sparsity=sparsity, score=score))
        counts = report.confusion.counts
        if way == SIZED:
            _ = report.size.total_bytes
        return counts

    for line in sys.stdin:
        start = perf_counter()
        counts = run(*json.loads(line))
        print(json.dumps({"s": perf_counter() - start, "counts": counts.tolist()}), flush=True)


def has_score(ow: Any, score: str) -> bool:
    """Return True if a build has a pruning score."""
    try:
        ow.Recipe(sparsity=0.5, score=score)
    except ValueError:
        return False
    return True


def tutorial_way(experiment: Any) -> Any:
    """Prune, round and evaluate PIL images as in tutorials."""
    import usual_ways

    import optiwidgets as ow

    model, dataset = experiment.run(ow.Recipe()).model(), experiment.dataset
    pictures = usual_ways.Pictures(*dataset.exploration, dataset.mean, dataset.std)
    return lambda sparsity: usual_ways.evaluate(usual_ways.optimize(model, sparsity, 32), pictures)


def table(result: dict[str, Any]) -> str:
    """Format one line for each model and way."""
    heads = "".join(f"{s:8.0%}" for s in SPARSITIES)
    lines = [f"ratio to this build, all 1,500 images, memory off{'':8}{heads}    mean"]
    for model, found in result.items():
        for way, each in found["ratios"].items():
            label = f"{model}, {way}" if way == TUTORIAL else f"{model}, that build, {way}"
            figures = "".join(f"{ratio:8.2f}" for ratio in each)
            lines.append(f"{label:57}{figures}{found['means'][way]:8.2f}")
        for name, ways in found["ms"].items():
            figures = "".join(f"{ms:8.1f}" for ms in ways[SIZED])
            lines.append(f"{f'{model}, {name}, {SIZED}, ms':57}{figures}")
    return "\n".join(lines)


if __name__ == "__main__":
    answer_all(Path(sys.argv[1]), sys.argv[2])
