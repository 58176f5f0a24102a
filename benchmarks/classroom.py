"""A class on one machine: stock Voila and ``optiwidgets serve``, with target figures.

Simulated students load the page, connect to their kernel and drag the Sparsity slider. They all run
in one process on the measured machine, and its share of a core is printed. Each row has a fresh
server. Stock Voila and ``app`` start a separate process for each student, so they get only
``--few`` students who come at once, and no class. With ``--build PATH`` a class drags on another
checkout's server and this one's in turn, see classroom_builds.py.

Usage: ``python benchmarks/classroom.py [--hosts stock,serve] [--only closed,one] [--json]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import classroom_builds
import psutil
from builds import add_build
from crowd import abandoned, closed_tab, crowd, one_user, turned_away
from firstpress import first_presses
from hosts import HOSTS, Host, own_server_mb, serving
from student import PACE_S, NotServedError
from tornado.httpclient import AsyncHTTPClient

AT_ONCE, CLASS = 30, 200  # numbers of students that the targets are defined for
FIGURES = (  # row, key, name, unit, target, True if higher is better
    ("one", "median_s", "HTML and widget state, one user", "s", 1.0, False),
    ("browser", "median_s", "usable slider in Chromium, one user", "s", 3.0, False),
    ("together", "served", "{together} at once: served", "", AT_ONCE, True),
    ("together", "ready_s", "{together} at once: the last is ready", "s", 10.0, False),
    ("together", "private_mb_each", "{together} at once: private memory each", "MB", 50.0, False),
    ("together", "answer_p95_s", "{together} drag: slider's answer, p95", "s", None, False),
    ("class", "served", "{class} come, {arrivals:g} a second: served", "", CLASS, True),
    ("class", "failures", "{class} come, {arrivals:g} a second: errors", "", 0, False),
    ("class", "answer_p95_s", "{class} drag: slider's answer, p95", "s", 1.5, False),
    ("full", "most_ms", "full class: asked to wait after, at most", "ms", 50.0, False),
    ("closed", "freed_s", "closed tab: its kernel is gone after", "s", 6.0, False),
    ("hub", "private_mb", "a Hub user's own server, its memory", "MB", None, False),
    ("left", "silent_s", "page that never connects: gone after", "s", 120.0, False),
    ("left", "killed_s", "killed browser: gone after", "s", 120.0, False),
)
TAIL = ("p50", "p95", "p99", "max")
ROWS = tuple(dict.fromkeys(row for row, *_ in FIGURES))
Found = dict[str, Any]


def main() -> None:
    """Measure the requested rows on every host; print the table or JSON."""
    options = _options()
    AsyncHTTPClient.configure(None, max_clients=2 * CLASS)
    if options.build:
        compared = classroom_builds.compare(options)
        said = json.dumps(compared, indent=2) if options.json else classroom_builds.table(compared)
        print(said)
        return
    before = psutil.getloadavg()[0]
    found = {
        name: {row: one_row(name, row, options) for row in options.only} for name in options.hosts
    }
    setting = {
        "arrivals": options.arrivals,
        "pace_s": PACE_S,
        "seconds": options.seconds,
        "cores": psutil.cpu_count(),
        "load_before": before,
    }
    rows = judged(found, options)
    result = {"rows": rows, "hosts": found, "setting": setting}
    print(json.dumps(result, indent=2) if options.json else table(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--hosts", type=chosen(HOSTS), default=["stock", "serve"], help="of stock, app, serve")
    add("--only", type=chosen(ROWS), default=list(ROWS), help=f"of {', '.join(ROWS)}")
    add("--rounds", type=within(1, 9), default=3, help="of one user, or of both builds: 3")
    add("--at-once", type=within(1, 60), default=AT_ONCE, help=f"students: {AT_ONCE}")
    add("--few", type=within(0, 60), default=8, help="students of stock and app at once: 8")
    add("--users", type=within(1, 300), default=CLASS, help=f"a class: {CLASS}")
    add("--arrivals", type=within(0.1, 50, float), default=4.0, help="students a second: 4")
    add("--seconds", type=within(1, 120), default=15, help="all drag that long: 15")
    add("--patience", type=within(5, 300), default=120, help="seconds for one step: 120")
    add("--json", action="store_true", help="print JSON instead of a table")
    add_build(parser)
    return parser.parse_args()


def within(low: float, high: float, kind: Callable[[str], Any] = int) -> Callable[[str], Any]:
    """Make an argparse type for numbers from ``low`` to ``high``."""

    def read(text: str) -> Any:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{low} to {high}, not {text}")
        return value

    read.__name__ = "number"
    return read


def chosen(names: Sequence[str] | dict[str, Any]) -> Callable[[str], list[str]]:
    """Make an argparse type for a comma-separated list of these names, in their order."""

    def read(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := [name for name in asked if name not in names]:
            raise argparse.ArgumentTypeError(f"of {', '.join(names)}, not {', '.join(unknown)}")
        return [name for name in names if name in asked]

    return read


def one_row(name: str, row: str, options: argparse.Namespace) -> Found | None:
    """Measure one row on one host; return None if it is not run."""
    shared = name == "serve"  # only its kernels share memory
    at_once = options.at_once if shared else min(options.at_once, options.few)
    if (row in ("class", "full", "hub") and not shared) or (row == "together" and not at_once):
        return None
    if row == "hub":
        return {"private_mb": own_server_mb()}
    with serving(name, 1 if row == "full" else max(options.users, options.at_once)) as host:
        if row == "browser":
            return first_presses(host.url, options.rounds)
        try:
            return asyncio.run(_with_students(host, row, at_once, options))
        except NotServedError as error:
            return {"error": str(error)}


async def _with_students(host: Host, row: str, at_once: int, options: argparse.Namespace) -> Found:
    patience_s = options.patience
    if row == "one":
        return await one_user(host, options.rounds, patience_s)
    if row == "closed":
        return await closed_tab(host, patience_s)
    if row == "full":
        return await turned_away(host, patience_s)
    if row == "left":
        return await abandoned(host, patience_s)
    if row == "together":
        return await crowd(host, at_once, 0.0, options.seconds, patience_s)
    return await crowd(host, options.users, 1 / options.arrivals, options.seconds, patience_s)


def judged(found: dict[str, Found], options: argparse.Namespace) -> list[Found]:
    """Compare every figure of every host with its target; judge the last host.

    A target is not judged with fewer students than it is defined for.
    """
    counts = {"together": options.at_once, "class": options.users}
    rows = []
    for row, key, label, unit, floor, more in FIGURES:
        if row not in options.only:
            continue
        values = {name: cell(rows_of[row], key) for name, rows_of in found.items()}
        ours = values[options.hosts[-1]]
        enough = (ours["users"] or 0) >= {"together": AT_ONCE, "class": CLASS}.get(row, 0)
        judgeable = floor is not None and enough and ours["run"]
        met = reaches(ours["value"], floor, more) if judgeable else None
        what = label.format(**counts, arrivals=options.arrivals)
        rows.append({"what": what, "unit": unit, "to_reach": floor, "more": more, "met": met})
        rows[-1]["values"] = values
    return rows


def cell(found: Found | None, key: str) -> Found:
    """Return one figure of one host: whether it was run, with how many users, and the result."""
    ran = found is not None
    return {"run": ran, "value": found and found.get(key), "users": found and found.get("users")}


def reaches(value: float | None, floor: float, more: bool) -> bool:
    """Return True if a figure reaches its target; a missing one does not.

    A count has to be at least the target, a time or memory below it.
    """
    if value is None:
        return False
    return value >= floor if more else value < floor or value == floor == 0


def table(result: Found) -> str:
    """Format one line for each figure, then the conditions and errors."""
    names = list(result["hosts"])
    heads = "".join(f"{name:>19}" for name in names)
    lines = [f"{'':44}{heads}{'to reach':>12}  met"]
    for row in result["rows"]:
        cells = "".join(f"{shown(row, name):>19}" for name in names)
        met = {None: "-", True: "yes", False: "NO"}[row["met"]]
        lines.append(f"{row['what']:44}{cells}{limit(row):>12}  {met}")
    return "\n".join([*lines, "", *notes(result)])


def shown(row: Found, name: str) -> str:
    """Format a cell; fewer students than in the row are noted."""
    one = row["values"][name]
    if not one["run"]:
        return "not run"
    said = "never" if one["value"] is None else f"{one['value']:.4g} {row['unit']}".rstrip()
    few = one["users"] and not row["what"].startswith(f"{one['users']} ")
    return f"{said} (of {one['users']})" if few else said


def limit(row: Found) -> str:
    """Format a target figure."""
    if row["to_reach"] is None:
        return ""
    sign = "" if row["more"] or row["to_reach"] == 0 else "< "
    return f"{sign}{row['to_reach']:g} {row['unit']}".rstrip()


def notes(result: Found) -> list[str]:
    """Format pace, share of the load generator, and the tails, memory and errors of each crowd."""
    setting = result["setting"]
    low, high = (f"{1e3 * pace:.0f}" for pace in setting["pace_s"])
    lines = [
        f"a hand comes to another position every {low}-{high} ms and has one change in flight; "
        f"all drag for {setting['seconds']} s;",
        "an answer is timed from the hand's move until the numbers of that position are in.",
        f"{setting['cores']} cores, shared with the load generator; load average before: "
        f"{setting['load_before']:.1f}",
    ]
    for name, rows in result["hosts"].items():
        run = {row: one for row, one in rows.items() if one}
        lines += [f"{name}, {row}: {one['error']}" for row, one in run.items() if "error" in one]
        lines += [about(name, run[row]) for row in ("together", "class") if row in run]
    return lines


def about(name: str, found: Found) -> str:
    """Describe one crowd in a few lines."""
    answers = ", ".join(f"{part} {seconds(found[f'answer_{part}_s'])}" for part in TAIL)
    waits = ", ".join(f"{part} {seconds(found['waits_s'][part])}" for part in TAIL)
    memory = found["memory"]
    return f"""
{name}, {found["users"]} students: {found["served"]} served, errors {found["errors"] or "none"}
  page and widget states: {waits}
  slider's answer: {answers}; {found["updates_per_s"]:.0f} updates/s in all
  kernels gone after closing: {"all" if found["all_freed"] else "not all"} \
(answers to the last messages: {found["closed"]})
  kernels: {memory["private_mb"]:.0f} MB private, {memory["proportional_mb"]:.0f} MB their share; \
the whole server {memory["whole_mb"]:.0f} MB
  the load generator took {found["own_share_of_a_core"]:.0%} of a core"""


def seconds(value: float | None) -> str:
    """Format a time."""
    return "never" if value is None else f"{value:.2f} s"


if __name__ == "__main__":
    main()
