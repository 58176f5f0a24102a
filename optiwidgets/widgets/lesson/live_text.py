"""Text with live numbers of the learner's own run."""

from __future__ import annotations

from html import escape
from string import Formatter
from typing import Any

import numpy as np
from ipywidgets import HTML

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import SPARSE_RUNTIME
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.controls.options import LABELS
from optiwidgets.widgets.security.message_guard import guard


class Live(Standalone, HTML):
    """Text whose {figures} update with a session.

    Parameters
    ----------
    text
        HTML with names of figures in braces, those of ``figures``.
    session
        A ``Session``, or a widget that has one.

    Raises
    ------
    ValueError
        An unknown figure; the message lists the known ones.

    Examples
    --------
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> from optiwidgets.session.session import Session
    >>> session = Session()
    >>> live = Live("At {sparsity} sparsity it is right on {accuracy}.", session)
    >>> session.recipe = Recipe(sparsity=0.5)
    >>> "At <b>50 %</b> sparsity" in live.value
    True
    """

    def __init__(self, text: str, session: Any) -> None:
        super().__init__()
        self.text, self.session = text, session_of(session)
        known = figures(self.session.baseline, self.session.report)
        unknown = {name for _, name, _, _ in Formatter().parse(text) if name} - known.keys()
        if unknown:
            raise ValueError(f"figures are {', '.join(known)}, not {', '.join(sorted(unknown))}")
        self.add_class("ow-live")
        self.session.on_report(self._write)
        self._write()
        guard(self, lambda _: self._write())

    def _write(self) -> None:
        numbers = figures(self.session.baseline, self.session.report)
        said = self.text.format(**{k: f"<b>{escape(v)}</b>" for k, v in numbers.items()})
        self.value = f'<p style="line-height: 1.5; max-width: 46em; font-size: 16px">{said}</p>'


def figures(baseline: Report, report: Report) -> dict[str, str]:
    """Format the figures of a report, with units."""
    drop, size, recipe = report.drop_from(baseline), report.size, report.recipe
    falls = baseline.confusion.recall - report.confusion.recall
    worst = int(np.nanargmax(falls))
    speed = _speed(report.latency) if report.latency else "not yet"
    cut = 1 - size.total_bytes / baseline.size.total_bytes
    accuracy = baseline.confusion.accuracy, report.confusion.accuracy
    return {
        "sparsity": f"{recipe.sparsity:.0%}".replace("%", " %"),
        "score": LABELS.get(recipe.score, recipe.score),
        "recovery": LABELS.get(recipe.recovery, recipe.recovery),
        "bits": f"{recipe.bits} bit{'s' * (recipe.bits > 1)}",
        "accuracy_before": _percent(accuracy[0]),
        "accuracy": _percent(accuracy[1]),
        "precision": _percent(np.nanmean(report.confusion.precision)),
        "recall": _percent(np.nanmean(report.confusion.recall)),
        "mean_average_precision": _percent(report.mean_average_precision),
        "drop": f"{drop.points:.1f} points",
        "drop_interval": f"{drop.low:.1f} to {drop.high:.1f}",
        "lost": f"{drop.lost}",
        "gained": f"{drop.gained}",
        "images": f"{len(report.labels):,}",
        "bytes_before": f"{baseline.size.total_bytes:,} bytes",
        "bytes": f"{size.total_bytes:,} bytes",
        "ratio": f"{size.ratio:.1f}",
        "size_cut": f"{100 * cut:.0f} %",
        "speed": speed,
        "sparse_speed": _sparse_speed(report),
        "macs_ratio": f"{baseline.macs / max(1, report.macs):.1f}",
        "pruned": f"{report.pruned_weights:,} of {report.prunable_weights:,}",
        "worst_class": report.class_names[worst],
        "worst_fall": f"{100 * falls[worst]:.1f} points",
        "mobile": judge(baseline, report, Policy.MOBILE).grade,
        "medical": judge(baseline, report, Policy.MEDICAL).grade,
    }


def _speed(timed: Latency) -> str:
    return f"{timed.ratio:.2f} times ({timed.low:.2f} to {timed.high:.2f})"


def _sparse_speed(report: Report) -> str:
    """Format the speed in the sparse runtime, or the reason why there is none."""
    timed = report.latencies.get(SPARSE_RUNTIME)
    reason = report.latency_reasons.get(SPARSE_RUNTIME)
    return _speed(timed) if timed else f"not timed here, since {reason}" if reason else "not yet"


def _percent(share: Any) -> str:
    return f"{100 * share:.1f} %"
