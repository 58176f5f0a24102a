"""Tables of the methods benchmark, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]
HEADS = {
    "sparsity": "sparsity, weights in float",
    "bits": "bits, nothing pruned",
    "both": "both",
}


def tables(result: Row) -> str:
    """Format all methods of both models, the targets, and methods with equal scores."""
    parts = [
        f"{name}: {100 * model['accuracy']:.2f} % of {model['images']:,} exploration images right "
        f"untouched; points lost, 95 % interval, +- spread over seeds, ms of the whole run\n\n"
        + "\n\n".join(group(model["rows"], kind) for kind in HEADS)
        for name, model in result["models"].items()
    ]
    parts += [targets(result["targets"]), alike(result["models"])]
    if "machine" in result:
        parts.append(
            "load before and after, ours in it: {load}; {cpus} CPUs".format(**result["machine"])
        )
    return "\n\n".join(parts)


def group(rows: list[Row], kind: str) -> str:
    """Format one table: methods down, strengths across, two lines each."""
    rows = [row for row in rows if row["group"] == kind]
    ordered = sorted(rows, key=lambda row: (row["sparsity"], -row["bits"]))
    across = list(dict.fromkeys(map(strength, ordered)))
    methods: dict[str, dict[str, Row]] = {}
    for row in rows:
        methods.setdefault(row["method"], {})[strength(row)] = row
    lines = [f"{HEADS[kind]:28}" + "".join(f"{head:>22}" for head in across)]
    for method, cells in methods.items():
        found = [cells.get(head) for head in across]
        lines.append(f"{method:28}" + "".join(f"{lost(c) if c else '':>22}" for c in found))
        lines.append(" " * 28 + "".join(f"{cost(c) if c else '':>22}" for c in found))
    return "\n".join(line.rstrip() for line in lines)


def strength(row: Row) -> str:
    """Format a column's header."""
    sparse, coded = f"{100 * row['sparsity']:g} %", f"{row['bits']} bits"
    return {"sparsity": sparse, "bits": coded}.get(row["group"], f"{sparse}, {coded}")


def lost(row: Row) -> str:
    """Format points lost, and their interval."""
    return f"{row['points']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def cost(row: Row) -> str:
    """Format the spread if there is one, and the time."""
    spread = f"+-{row['spread']:.2f}  " if len(row["runs"]) > 1 else ""
    return f"{spread}{row['ms']:,.0f} ms"


def line(row: Row) -> str:
    """Format one row on one line."""
    return f"{row['method']:30}{strength(row):14}{lost(row):>24}{cost(row):>22}"


def targets(found: list[Row]) -> str:
    """Format targets and measured values; other methods are shown for comparison."""
    lines = [
        "targets: points lost and ms of the whole run (first on a new experiment; untouched run)",
        f"{'model':7}{'asked of':30}{'at':>15}{'most points, ms':>18}   measured",
    ]
    for target in found:
        for place, measured in enumerate(target["measured"]):
            verdict = ("met" if target["met"] else "NOT MET") if place == 0 else "beside"
            lines.append(asked(target, measured["method"]) + answer(measured) + f"  {verdict}")
    return "\n".join(lines)


def asked(target: Row, method: str) -> str:
    """Format the left half of a line of targets."""
    at = f"{100 * target['sparsity']:g} %, {target['bits']} bits"
    most = f"{target['points']:.1f}" + (f", {target['ms']:,}" if target["ms"] else "")
    return f"{target['model']:7}{method:30}{at:>15}{most:>18}"


def answer(measured: Row) -> str:
    """Format the right half of a line of targets."""
    beside = ""
    if measured["first_ms"] is not None:
        beside = f" ({measured['first_ms']:,.0f}; {measured['untouched_ms']:,.0f})"
    return f"   {lost(measured):24}{measured['ms']:>7,.0f} ms{beside:14}"


def alike(models: dict[str, Row]) -> str:
    """List methods with equal scores on every image: one of them has no effect of its own."""
    found = [f"  {name}, {text}" for name, m in models.items() for text in twins(m["rows"])]
    return "\n".join(["the same scores on every image:", *(found or ["  none"])])


def twins(rows: list[Row]) -> Iterator[str]:
    """Find methods with equal scores at the same strength."""
    seen: dict[Any, list[str]] = {}
    for row in rows:
        at = (strength(row), row["runs"][0]["answers"])
        seen.setdefault(at, []).append(row["method"])
    for (where, _), methods in seen.items():
        if len(methods) > 1:
            yield f"{where}: {'; '.join(methods)}"
