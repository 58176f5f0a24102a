"""Recipes a second of a page's WebAssembly runtime, in one worker of Chromium, from a file.

``python benchmarks/page_runtime.py [--case digits] [--recipes 40] [--json]``. Each recipe is
pruned, rounded and run on all exploration images; ``first_ms`` is the time to the first 500.
``proving_ms`` is spent once, for the first recipe of each of three kinds: witnesses are compared
with Python. Times are of the clock: other programs lengthen them, so the load of the machine is
printed with them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from chromium import launch
from playwright.sync_api import sync_playwright

from optiwidgets import Experiment, Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.widgets.base.assets import WIDGETS
from optiwidgets.widgets.base.bundle import bundle_modules
from optiwidgets.widgets.pages.page_content import PageContent
from optiwidgets.widgets.pages.page_experiment import page_experiment
from optiwidgets.widgets.pages.page_file import content_policy, safe_json
from optiwidgets.widgets.pages.page_program import write_runtime

FIRST = (Recipe(0.4, score="lamp"), Recipe(0.4, bits=4, granularity="channel"), Recipe(0.4))
WORKER = "pages/runtime_worker.js"
CONTENT = PageContent(  # whose witnesses are compared before the times are taken
    families=(RecipeFamily(sparsities=(0.0, 0.5)),),
    sizes=(
        RecipeFamily(Recipe(score="lamp"), (0.5,)),
        RecipeFamily(Recipe(granularity="channel"), (0.5,), (4,)),
    ),
)
OPEN = """async () => {
  const bundle = document.getElementById("bundle").textContent,
    { json, blocks } = JSON.parse(document.getElementById("data").textContent),
    lines = [bundle, `\\nowNeed("pages/runtime_worker.js");`],
    code = URL.createObjectURL(new Blob(lines, { type: "text/javascript" })),
    start = performance.now();
  window.runtime = await owNeed("pages/runtime_worker.js").openRuntime(json, blocks, code);
  return performance.now() - start;
}"""
RUN = """async (recipe) => {
  const start = performance.now();
  let first = 0;
  const onFirst = () => (first = performance.now() - start),
    answer = await window.runtime.run(recipe, { onFirst });
  return { ms: performance.now() - start, first, predictions: [...answer.predictions] };
}"""


def page(runtime: dict[str, Any]) -> str:
    """Write a page of the runtime alone."""
    bundle = bundle_modules([WORKER], WIDGETS)
    return f"""<!doctype html><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{content_policy(bundle)}">
<script id="bundle">{bundle}</script>
<script type="application/json" id="data">{safe_json(runtime)}</script>"""


def runtime_of(experiment: Experiment) -> dict[str, Any]:
    """Write JSON and blocks of an experiment's runtime, with the witnesses of the recipes."""
    told, blocks = page_experiment(experiment, CONTENT, runs=True)
    json, weights = write_runtime(experiment.portable(()), told)
    return {"json": json, "blocks": blocks | weights}


def recipes_of(count: int) -> list[Recipe]:
    """Draw recipes of all sparsities and bit-widths of two families that a page has no grid of."""
    draw = random.Random(0)
    made = []
    for _ in range(count):
        sparsity, bits = draw.randrange(100) / 100, draw.choice([2, 3, 4, 5, 6, 7, 8, 16, 32])
        if draw.random() < 0.5:
            made.append(Recipe(sparsity=sparsity, score="lamp", bits=bits))
        else:
            made.append(Recipe(sparsity=sparsity, bits=bits, granularity="channel"))
    return made


def measure(case: str, count: int) -> dict[str, Any]:
    """Open the page, run the recipes one after the other, compare their predictions."""
    experiment, recipes = Experiment.load(case), recipes_of(count)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        file = Path(folder, "page.html")
        file.write_text(page(runtime_of(experiment)))
        browser = launch(play)
        shown = browser.new_page()
        errors: list[str] = []
        shown.on("pageerror", lambda error: errors.append(str(error)))
        shown.goto(file.as_uri())
        opened = shown.evaluate(OPEN)
        proving = sum(shown.evaluate(RUN, recipe.as_dict())["ms"] for recipe in FIRST)
        runs = [shown.evaluate(RUN, recipe.as_dict()) for recipe in recipes]
        workers = len(shown.workers)
        browser.close()
    assert not errors, errors
    expected = [experiment.run(recipe).predictions for recipe in recipes]
    same = [
        int((np.array(run["predictions"]) == own).sum())
        for run, own in zip(runs, expected, strict=True)
    ]
    return {
        "case": case,
        "recipes": count,
        "load": os.getloadavg()[0],
        "workers": workers,
        "open_ms": opened,
        "proving_ms": proving,
        "median_ms": statistics.median(run["ms"] for run in runs),
        "first_ms": statistics.median(run["first"] for run in runs),
        "per_second": 1000 * count / sum(run["ms"] for run in runs),
        "images": len(expected[0]),
        "least_equal_predictions": min(same),
    }


def main() -> None:
    """Print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="digits")
    parser.add_argument("--recipes", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.case, options.recipes)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>24}  {value:.1f}" if isinstance(value, float) else f"{name:>24}  {value}")


if __name__ == "__main__":
    main()
