"""Text with live numbers of the learner's own run."""

from __future__ import annotations

from difflib import get_close_matches
from html import escape
from string import Formatter
from typing import Any

from ipywidgets import HTML

from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import SPARSE_RUNTIME
from optiwidgets.grading.drop_words import drop_words, interval_words
from optiwidgets.grading.question_files import ONCE_MOVED
from optiwidgets.grading.questions import TEXTS
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.controls.options import label
from optiwidgets.widgets.controls.recipe_words import bits_words, in_words
from optiwidgets.widgets.lesson.file_figures import (
    bytes_words,
    file_figures,
    flip_figures,
    points_words,
    strength_figures,
    untimed,
)
from optiwidgets.widgets.lesson.quiz_role import owner_of, reference
from optiwidgets.widgets.lesson.report_words import (
    metric_figures,
    recall_figures,
    verdict_figures,
)
from optiwidgets.widgets.security.message_guard import guard


class Live(Standalone, HTML):
    """Text whose {figures} update with a session.

    Parameters
    ----------
    text
        HTML with names of figures in braces, those of ``figures``. What stands after
        ``{once_moved}`` follows once the recipe was changed.
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
        self.text, self.session, self.value = text, session_of(session), ""
        self.owner = owner_of(session)
        self._first, self._moved = self.session.recipe, False
        known = figures(self.session.baseline, self.session.report)
        used = {name for _, name, _, _ in Formatter().parse(text) if name}
        unknown = used - {*known, ONCE_MOVED}
        if unknown:
            names, task = ", ".join(known), self.session.report.task
            raise ValueError(f"figures of {task} are {names}, not {', '.join(sorted(unknown))}")
        self.add_class("ow-live")
        self.session.on_report(self._write)
        self._write()
        guard(self, lambda _: self._write())

    def page_role(self) -> dict[str, Any] | None:
        """Describe the text for a page without a kernel; its figures follow an explorer there."""
        if not self.owner:
            return None
        return {"role": "live", "text": self.text, "owner": self.owner, "root": reference(self)}

    def _write(self) -> None:
        """Write the text; numbers of a recipe that is only run in part are left out."""
        if not self.session.is_whole:
            if not self.value:
                self.value = _paragraph(text("The numbers follow once they are complete."))
            return
        self._moved = self._moved or self.session.recipe != self._first
        numbers = figures(self.session.baseline, self.session.report)
        told, _, later = self.text.partition(f"{{{ONCE_MOVED}}}")
        shown = told + later if self._moved else told
        said = shown.format(**{k: f"<b>{escape(v)}</b>" for k, v in numbers.items()})
        self.value = _paragraph(said)


def _paragraph(said: str) -> str:
    return f'<p style="line-height: 1.5; max-width: 46em; font-size: 16px">{said}</p>'


def live(key: str, session: Any) -> Live:
    """Create the ``Live`` text of a lesson, by its key: the text is not in the notebook's cell.

    Parameters
    ----------
    key
        Key of a text in the question bank.
    session
        A ``Session``, or a widget that has one.

    Raises
    ------
    ValueError
        No such key.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> "smaller" in live("challenge.now", Session()).value
    True
    """
    if key not in TEXTS:
        near = get_close_matches(str(key), TEXTS)
        known = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(TEXTS)}"
        raise ValueError(f"no live text {key!r}; {known}")
    return Live(TEXTS[key], session)


def figures(baseline: Report, report: Report) -> dict[str, str]:
    """Format the figures of a report, with units."""
    drop, size, recipe = report.drop_from(baseline), report.size, report.recipe
    speed = _speed(report.latency) if report.latency else untimed(report)
    cut = 1 - size.total_bytes / baseline.size.total_bytes
    return {
        "recipe": in_words(recipe),
        **strength_figures(report),
        "score": label(recipe.score),
        "recovery": label(recipe.recovery),
        "activation_bits": bits_words(recipe.activation_bits),
        "granularity": label(recipe.granularity),
        "clip": label(recipe.clip),
        **metric_figures(baseline, report),
        "drop": points_words(drop.points),
        "drop_words": drop_words(drop.points),
        "drop_interval": interval_words(drop),
        "lost": f"{drop.lost}",
        "gained": f"{drop.gained}",
        "images": f"{report.count:,}",
        "bytes_before": bytes_words(baseline.size.total_bytes),
        "bytes": bytes_words(size.total_bytes),
        "ratio": f"{size.ratio:.1f}",
        "size_cut": f"{100 * cut:.0f} %",
        "speed": speed,
        "sparse_speed": _sparse_speed(report),
        "macs_ratio": f"{baseline.macs / max(1, report.macs):.1f}",
        "pruned": _part_of(report.pruned_weights, report.prunable_weights),
        **recall_figures(baseline, report),
        **verdict_figures(baseline, report),
        **file_figures(report),
        **flip_figures(report),
    }


def _part_of(part: int, whole: int) -> str:
    return text("{part:,} of {all:,}", part=part, all=whole)


def _speed(timed: Latency) -> str:
    times = mark("{ratio:.2f} times ({low:.2f} to {high:.2f})")
    return text(times, ratio=timed.ratio, low=timed.low, high=timed.high)


def _sparse_speed(report: Report) -> str:
    """Format the speed in the sparse runtime, or the reason why there is none."""
    timed = report.latencies.get(SPARSE_RUNTIME)
    reason = report.latency_reasons.get(SPARSE_RUNTIME)
    if timed:
        return _speed(timed)
    return text("not timed here, since {reason}", reason=reason) if reason else untimed(report)
