"""Figures of reports and sweeps, drawn with seaborn on given Axes, without pyplot."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, cast

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter

from optiwidgets.engine.types.measurements import Floats
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.sweep import Sweep, frontier
from optiwidgets.notebook_figure import NotebookFigure
from optiwidgets.texts import mark, text

if TYPE_CHECKING:
    from optiwidgets.engine.mixed_precision.budget import Budget
    from optiwidgets.engine.mixed_precision.sensitivity import Sensitivity

MOST_NOTES = 3  # lines below the axis
BLUE, GREY, ORANGE = "#2b6cb0", "#6b7280", "#c2570c"
PART_COLORS = {
    mark("codes"): BLUE,
    mark("positions"): "#dd9a4a",
    mark("scales"): "#6b7a90",
    mark("tables"): "#a46bb5",
    mark("biases"): "#4fa58a",
    mark("header"): "#b9bccb",
}


def draw_confusion(ax: Axes, report: Report) -> Axes:
    """Draw the confusion matrix as a heatmap: rows truth, columns prediction, zeros left empty.

    The colour is proportional to the square root of the count, so that one error is visible beside
    a diagonal of 150.
    """
    counts = report.confusion.counts
    columns, rows = report.confusion.column_names, report.confusion.class_names
    sns.heatmap(
        counts,
        ax=ax,
        norm=PowerNorm(0.5, 0, max(1, counts.max())),
        cmap=sns.light_palette(BLUE, as_cmap=True),
        annot=np.where(counts, counts, "").astype(str) if len(rows) <= 20 else None,
        fmt="",
        mask=counts == 0,
        xticklabels=_measured(columns),
        yticklabels=_measured(rows),
        cbar=False,
        square=True,
        linewidths=0.5,
    )
    ax.set(xlabel=text("prediction"), ylabel=text("truth"))
    ax.tick_params("y", rotation=0)
    as_written(*ax.set_xticklabels(columns), *ax.set_yticklabels(rows))
    return ax


def _measured(names: Sequence[str]) -> list[str]:
    """Quote names for seaborn, which measures the labels' text and reads $ as a formula."""
    return [name.replace("$", r"\$") for name in names]


def as_written(*texts: Text) -> None:
    """Disable formulas in texts of a user: matplotlib parses text between two $ as a formula."""
    for each in texts:
        each.set_parse_math(False)


def draw_classes(ax: Axes, report: Report) -> Axes:
    """Draw precision and recall of every class, in percent, as two dots on a line.

    A note below lists recalls computed from few images.
    """
    names = list(report.class_names)
    precision, recall = report.confusion.precision[: len(names)], report.recall
    for values, color, label in (
        (precision, ORANGE, text("precision")),
        (recall, BLUE, text("recall")),
    ):
        sns.scatterplot(x=100 * values, y=names, ax=ax, color=color, label=label, s=40)
    lows = np.nanmin([precision, recall], axis=0)
    highs = np.nanmax([precision, recall], axis=0)
    ax.hlines(names, 100 * lows, 100 * highs, color=GREY, linewidth=1, zorder=0)
    ax.set(xlabel="\n".join(["%", *_few(report)]), ylabel=text("class"))
    as_written(ax.xaxis.label, *ax.get_yticklabels())
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize="small", frameon=False)
    return ax


def _few(report: Report) -> list[str]:
    notes = list(report.confusion.few.values())
    if len(notes) <= MOST_NOTES:
        return notes
    return [text("{count} recalls rest on under 10 images", count=len(notes))]


def draw_size(ax: Axes, report: Report) -> Axes:
    """Draw the bytes of the packed file by part, as bars."""
    parts = {name: size for name, size in report.size.parts.items() if size}
    colors = [PART_COLORS[name] for name in parts]
    names = [text(name) for name in parts]
    sns.barplot(x=list(parts.values()), y=names, hue=names, palette=colors, ax=ax, legend=False)
    for bar in ax.containers:  # one container per bar
        ax.bar_label(cast(BarContainer, bar), fmt="{:,.0f}", padding=3)
    ax.set(xlabel=text("bytes"), ylabel="")
    ax.margins(x=0.2)
    return ax


def draw_images(pixels: Floats, titles: Sequence[str], columns: int = 8) -> Figure:
    """Draw images (N, H, W, C) of 0..1 in rows, with a title above each."""
    rows = max(1, -(-len(titles) // columns))
    figure = NotebookFigure(1.35 * columns, 1.75 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, image, title in zip(axes, pixels, titles, strict=False):
        ax.imshow(image.squeeze(), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title, fontsize=9, parse_math=False)
    return figure


def draw_trials(trials: Sequence[tuple[float, float]], best: int | None = None) -> Figure:
    """Draw attempts (percent of the bytes saved, points lost) and their pareto front.

    ``best`` is the index of the attempt to mark.
    """
    figure = NotebookFigure(6.4, 3.4)
    ax = figure.add_subplot()
    cuts, drops = np.array(trials, float).reshape(-1, 2).T
    front = frontier(list(zip(-cuts, -drops, strict=True)))
    draw_staircase(ax, cuts, drops, front, text("attempts"))
    if best is not None:
        ax.plot(
            cuts[best], drops[best], "*", color=ORANGE, markersize=16, label=text("best so far")
        )
    ax.set(xlabel=text("smaller by, %"), ylabel=text("points of accuracy lost"), xlim=(0, 100))
    ax.legend(loc="upper left", fontsize="small")
    return figure


def draw_staircase(ax: Axes, x: Floats, y: Floats, front: Sequence[int], label: str) -> Axes:
    """Draw points, and the pareto front as a step line through the points at ``front``.

    Between two points of the front the line stays at the value of the cheaper one, which is the
    best available there.
    """
    sns.scatterplot(x=x, y=y, ax=ax, color=GREY, s=50, label=label)
    steps = list(front)
    ax.step(x[steps], y[steps], where="post", color=BLUE, label=text("none is better in both"))
    return ax


def _in_percent(metrics: list[str]) -> str:
    """Return the label of an axis of these metrics; that of the accuracy is translated."""
    is_accuracy = metrics in ([], ["accuracy"])
    return text("accuracy, %") if is_accuracy else f"{', '.join(metrics)}, %"


def draw_frontier(ax: Axes, sweep: Sweep) -> Axes:
    """Draw the leading metric against bytes (log) of a sweep's recipes, and the pareto front."""
    done = [trial for trial in sweep if not trial.error]
    size = np.array([trial.total_bytes for trial in done], float)
    values = [trial.accuracy if trial.value is None else trial.value for trial in done]
    right = 100 * np.array(values, float)
    front = [done.index(trial) for trial in sweep.frontier]
    draw_staircase(ax, size, right, front, text("recipes"))
    ax.set(xscale="log", xlabel=text("bytes of the packed file (log)"))
    ax.set_ylabel(_in_percent(sorted({trial.metric for trial in done})))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.8)))
    ax.legend(loc="lower right", fontsize="small")
    return ax


def plot_sweep(sweep: Sweep) -> Figure:
    """Plot the leading metric against bytes of a sweep's recipes, and the pareto front.

    Returns
    -------
    matplotlib.figure.Figure
        A figure on an Agg canvas, independent of pyplot, so it needs no closing.

    Examples
    --------
    >>> import optiwidgets as ow
    >>> recipes = [ow.Recipe(bits=bits) for bits in (2, 4, 8)]
    >>> figure = plot_sweep(ow.Experiment.load("digits").sweep(recipes, progress=False))
    >>> figure.axes[0].get_title()
    'small on digits: 3 recipes on 1,500 exploration images'
    """
    figure = NotebookFigure(7.2, 4.4)
    ax = draw_frontier(figure.add_subplot(), sweep)
    title = text(
        "{model} on {dataset}: {recipes} recipes on {images:,} exploration images",
        model=sweep.model,
        dataset=sweep.dataset,
        recipes=len(sweep) - len(sweep.failed),
        images=sweep.images,
    )
    if sweep.failed:
        more = mark("{title}; {failed} more could not be run")
        title = text(more, title=title, failed=len(sweep.failed))
    ax.set_title(title, fontsize=11, parse_math=False)
    return figure


def draw_sensitivity(ax: Axes, sensitivity: Sensitivity, threshold: float = 2.0) -> Axes:
    """Draw the leading metric, in percent, against sparsity or bits, one curve per layer.

    Each curve has its interval. The horizontal line is the ground recipe's value minus
    ``threshold`` points. Layers that could not be changed have no curve; a note below lists them.
    """
    scale = 100 if sensitivity.by == "sparsity" else 1
    colors = sns.color_palette("colorblind", max(1, len(sensitivity.curves)))
    for color, (name, curve) in zip(colors, sensitivity.curves.items(), strict=False):
        level, value, low, high = np.array(curve, float).T
        x = scale * level
        sns.lineplot(x=x, y=100 * value, ax=ax, color=color, marker="o", label=name)
        ax.fill_between(x, 100 * low, 100 * high, color=color, alpha=0.12, linewidth=0)
    limit, lost = 100 * sensitivity.value - threshold, mark("{points:g} points lost")
    ax.axhline(limit, color=GREY, linestyle="--", linewidth=1, label=text(lost, points=threshold))
    by_sparsity = sensitivity.by == "sparsity"
    unit = text("sparsity of this layer, %") if by_sparsity else text("bits of this layer")
    if sensitivity.unchanged:
        without = text("not changed: {layers}", layers=", ".join(sensitivity.unchanged))
        unit = f"{unit}\n{without}"
    ax.set(xlabel=unit, ylabel=_in_percent([sensitivity.metric]))
    if sensitivity.by == "bits":
        ax.invert_xaxis()
    legend = ax.legend(fontsize="small", frameon=False)
    as_written(ax.xaxis.label, *legend.get_texts())
    return ax


def draw_budget(ax: Axes, budget: Budget) -> Axes:
    """Draw the bytes of each layer as bars, labelled with its sparsity and bits."""
    names = [choice.layer for choice in budget.choices]
    sizes = [choice.bytes for choice in budget.choices]
    sns.barplot(x=sizes, y=names, ax=ax, color=BLUE)
    cost = mark("{bytes:,.0f} B, {sparsity:.0%}, {bits} bits")
    labels = [text(cost, bytes=c.bytes, sparsity=c.sparsity, bits=c.bits) for c in budget.choices]
    ax.bar_label(cast(BarContainer, ax.containers[0]), labels=labels, padding=3)
    ax.set(xlabel=text("bytes (expected)"), ylabel="")
    as_written(*ax.get_yticklabels())
    ax.margins(x=0.6)
    return ax


def plot_report(report: Report) -> Figure:
    """Plot one report: confusion matrix, precision and recall per class, bytes.

    Returns
    -------
    matplotlib.figure.Figure
        A figure on an Agg canvas, independent of pyplot, so it needs no closing.

    Raises
    ------
    ValueError
        ``report`` is not a ``Report``.

    Examples
    --------
    >>> import optiwidgets as ow
    >>> exp = ow.Experiment.load("digits")
    >>> figure = plot_report(exp.run(ow.Recipe(sparsity=0.5, bits=4)))
    >>> [ax.get_xlabel().splitlines()[0] for ax in figure.axes]
    ['prediction', '%', 'bytes']
    """
    if not isinstance(report, Report):
        raise ValueError(f"report is a Report, from run(), not {reprlib.repr(report)}")
    figure = NotebookFigure(10, 5.2)
    axes = figure.subplot_mosaic(
        [["matrix", "classes"], ["matrix", "size"]], width_ratios=[1.25, 1], height_ratios=[1.9, 1]
    )
    draw_confusion(axes["matrix"], report)
    draw_classes(axes["classes"], report)
    draw_size(axes["size"], report)
    low, high = report.outcome.interval
    title = text(
        "{recipe}\n{metric} {value:.1f} % on {images:,} {part} images (95 % between {low:.1f} and "
        "{high:.1f}); {bytes:,} bytes, {ratio:.1f} times smaller",
        recipe=report.recipe,
        metric=report.metric_names[1],
        value=100 * report.metric,
        images=report.count,
        part=text(report.part),
        low=100 * low,
        high=100 * high,
        bytes=report.size.total_bytes,
        ratio=report.size.ratio,
    )
    figure.suptitle(title, fontsize=11, parse_math=False)
    return figure


def to_bytes(figure: Figure, kind: str) -> bytes:
    """Render a figure as ``"png"`` or ``"svg"`` bytes."""
    stream = BytesIO()
    figure.savefig(stream, format=kind, dpi=110)
    return stream.getvalue()
