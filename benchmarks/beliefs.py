"""Beliefs about pruning and quantization, tested on shipped models; writes lessons/BELIEFS.md.

Every belief is measured as by ``ow.beliefs``: on the exploration images, with its 95 % interval.
The accuracy of the detector of the scenes is its mAP@0.5. Speeds are ratios of one interleaved run
of one thread, and depend on the processor that is named. Run it on an idle machine; it takes some
minutes.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import torch

import optiwidgets as ow

NETS = (("digits", "small"), ("digits", "wide"), ("smear", "small"), ("scenes", "center"))
PAGE = Path(__file__).parents[1] / "lessons" / "BELIEFS.md"
INTRODUCTION = """# Where good guesses are wrong

Statements of textbooks and of experienced engineers, each with the guess that it leads to, and our
own run. A belief *holds* if the whole 95 % interval is within its limit, *does not hold* if all of
it is outside, and is *undecided* otherwise. A negative loss is a gain. `ow.beliefs(exp)` runs the
same tests on your experiment; lesson 72 runs them on a page.

{conditions}

Accuracies are compared image by image (Bonett and Price's paired interval); the sum of two losses
has a bootstrap over images, shares of images Wilson's interval. The detector's accuracy is its
mAP@0.5, with a bootstrap over images. Bytes and positions of a slider are counted, not sampled.
Speeds are of one image, with a bootstrap over openings and rounds.

"""


def main() -> None:
    """Test all beliefs, or read an earlier run; print the table, and write what is requested."""
    arguments = parsed()
    result = json.loads(arguments.read.read_text()) if arguments.read else measure(arguments.keys)
    if arguments.json and arguments.json != "-":
        Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n")
    page = INTRODUCTION.format(conditions=conditions(result)) + table(result)
    if arguments.page:
        PAGE.write_text(page)
    print(json.dumps(result, indent=2) if arguments.json == "-" else page)


def parsed() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="JSON, or into a file")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("--read", metavar="FILE", type=Path, help="an earlier run's JSON, no run")
    parser.add_argument("--keys", nargs="+", metavar="BELIEF", help="only these beliefs")
    return parser.parse_args()


def measure(keys: list[str] | None) -> dict[str, Any]:
    """Test beliefs on every net; return findings with date, processor and versions."""
    before = os.getloadavg()[0]
    nets = [one_net(case, model, keys) for case, model in NETS]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "instructions": ow.runtime_info().instructions,
        "versions": {
            "optiwidgets": ow.__version__,
            "torch": torch.__version__,
            "onnxruntime": onnxruntime.__version__,
            "python": platform.python_version(),
        },
        "load": [before, os.getloadavg()[0]],
        "nets": nets,
    }


def one_net(case: str, model: str, keys: list[str] | None) -> dict[str, Any]:
    """Test beliefs on one shipped model."""

    def show(finding: ow.Finding) -> None:
        line = f"{case:7}{model:6}{finding.key:22}{finding.answer:15}{finding.measured}"
        print(line, file=sys.stderr, flush=True)

    found = ow.beliefs(ow.Experiment.load(case, model=model), keys, on_finding=show)
    about = {"case": case, "model": model, "images": found.images}
    return {**about, "findings": [finding.as_dict() for finding in found]}


def processor() -> str:
    """Return the name of the processor, from Linux' list or from Python's platform module."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def conditions(result: dict[str, Any]) -> str:
    """Describe date, processor, versions and nets in one paragraph."""
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    nets = ", ".join(
        f"`{net['model']}` on {net['case']} ({net['images']:,} exploration images)"
        for net in result["nets"]
    )
    return (
        f"Stored run of `python benchmarks/beliefs.py --page`, {result['date']}, on\n"
        f"{result['processor']} ({result['instructions']}), one thread; load average "
        f"{result['load'][0]:.1f} before and {result['load'][1]:.1f} after.\n{versions}.\n"
        f"Nets: {nets}."
    )


def table(result: dict[str, Any]) -> str:
    """Format one row for each belief: statement, guess, source, limit, and one cell a net."""
    heads = [
        "belief",
        "guess",
        "it holds if",
        *(f"{n['case']}, {n['model']}" for n in result["nets"]),
    ]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in zip(*(net["findings"] for net in result["nets"]), strict=True):
        one = row[0]
        cells = [one["statement"], f"{one['guess']} ({one['source']})"]
        cells.append(f"{one['quantity']}: {one['limit']}")
        cells += [f"**{f['answer']}** {f['measured']}".strip() for f in row]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
