"""Figures show the numbers of the report; tests read artists, never pixels."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from optiwidgets.engine.evaluation.detection_counts import ObjectConfusion
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.mixed_precision.budget import Choice
from optiwidgets.engine.mixed_precision.sensitivity import Point, Sensitivity
from optiwidgets.engine.types.measurements import Confusion
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.sweep import Sweep, Trial
from optiwidgets.plotting import (
    draw_budget,
    draw_classes,
    draw_confusion,
    draw_frontier,
    draw_images,
    draw_sensitivity,
    draw_size,
    draw_trials,
    plot_report,
    plot_sweep,
    to_bytes,
)


@pytest.fixture
def report(digits):
    return digits.run(Recipe(sparsity=0.7, bits=4))


@pytest.fixture
def ax():
    return Figure().subplots()


def test_the_heatmap_holds_the_counts_and_leaves_zeros_empty(ax: Axes, report):
    draw_confusion(ax, report)
    drawn = ax.collections[0].get_array().reshape(10, 10)
    counts = report.confusion.counts
    assert np.array_equal(drawn.filled(0), counts)
    assert np.array_equal(np.ma.getmaskarray(drawn), counts == 0)


def test_every_number_in_the_heatmap_stands_in_its_own_cell(ax: Axes, report):
    draw_confusion(ax, report)
    written = {
        (int(text.get_position()[1]), int(text.get_position()[0])): int(text.get_text())
        for text in ax.texts
        if text.get_text()
    }
    counts = report.confusion.counts
    assert written == {(r, c): counts[r, c] for r, c in zip(*counts.nonzero(), strict=True)}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("prediction", "truth")
    assert [label.get_text() for label in ax.get_yticklabels()] == list(report.class_names)


def test_the_heatmap_of_objects_names_nothing_there_and_missed(ax: Axes):
    confusion = ObjectConfusion([[1, 1], [2, 0]], ["cell", "nothing there"])
    draw_confusion(ax, SimpleNamespace(confusion=confusion))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cell", "nothing there"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cell", "missed"]


def test_text_contrasts_with_its_cell(ax: Axes, report):
    draw_confusion(ax, report)
    mesh = ax.collections[0]
    ax.figure.canvas.draw()
    colors = mesh.get_facecolors().reshape(10, 10, 4)
    for text in ax.texts:
        if text.get_text():
            column, row = (int(x) for x in text.get_position())
            dark_cell = colors[row, column, :3].mean() < 0.5
            assert (text.get_color() == "w") == dark_cell


def test_classes_show_precision_and_recall_in_percent(ax: Axes, report):
    draw_classes(ax, report)
    precision, recall = (c.get_offsets()[:, 0] for c in ax.collections[:2])
    np.testing.assert_allclose(precision, 100 * report.confusion.precision)
    np.testing.assert_allclose(recall, 100 * report.confusion.recall)


def test_the_bars_are_the_bytes_of_the_file(ax: Axes, report):
    draw_size(ax, report)
    widths = sorted(bar.get_width() for bar in ax.patches)
    assert widths == sorted(size for size in report.size.parts.values() if size)
    assert sum(widths) == report.size.total_bytes


def test_a_report_becomes_png_and_svg_without_pyplot(report):
    from matplotlib import pyplot

    figure = plot_report(report)
    assert to_bytes(figure, "png").startswith(b"\x89PNG")
    assert b"<svg" in to_bytes(figure, "svg")
    assert pyplot.get_fignums() == []
    assert "sparsity=0.7, bits=4" in figure.get_suptitle()


def test_a_class_never_predicted_has_no_precision_dot_and_still_draws(ax: Axes, report):
    import dataclasses

    counts = np.array([[4, 0], [2, 0]])
    outcome = dataclasses.replace(report.outcome, confusion=Confusion(counts, ("a", "b")))
    bare = dataclasses.replace(report, class_names=("a", "b"), outcome=outcome)
    draw_classes(ax, bare)
    dots = ax.collections[0].get_offsets()[:, 0]
    assert np.ma.masked_invalid(dots).compressed().tolist() == pytest.approx([400 / 6])


@pytest.fixture
def sweep() -> Sweep:
    """Sweep of five points, the second and fifth dominated, and a recipe that could not be run."""
    points = [(4000, 0.9), (4000, 0.8), (1000, 0.5), (9000, 0.95), (9500, 0.7)]
    rows = [
        Trial(Recipe(sparsity=place / 10), accuracy=accuracy, total_bytes=size)
        for place, (size, accuracy) in enumerate(points)
    ]
    return Sweep((*rows[:2], Trial(Recipe(bits=2), error="no"), *rows[2:]), "small", "digits", 1500)


def test_the_frontier_is_a_staircase_over_the_recipes_that_ran(ax: Axes, sweep: Sweep):
    draw_frontier(ax, sweep)
    dots = ax.collections[0].get_offsets()
    assert dots.tolist() == [[4000, 90], [4000, 80], [1000, 50], [9000, 95], [9500, 70]]
    (line,) = ax.get_lines()
    assert np.asarray(line.get_xdata()).tolist() == [1000, 4000, 9000]
    assert np.asarray(line.get_ydata()).tolist() == [50, 90, 95]
    assert line.get_drawstyle() == "steps-post"
    assert (ax.get_xscale(), ax.get_ylabel()) == ("log", "accuracy, %")


def test_a_sweep_becomes_a_picture_that_says_what_it_is_of(sweep: Sweep):
    figure = plot_sweep(sweep)
    (ax,) = figure.axes
    title = "small on digits: 5 recipes on 1,500 exploration images; 1 more could not be run"
    assert ax.get_title() == title
    assert to_bytes(figure, "png").startswith(b"\x89PNG")
    assert plot_sweep(Sweep((), "small", "digits", 1500)).axes


def test_attempts_have_the_same_staircase_from_the_largest_cut_on():
    figure = draw_trials([(50, 1.0), (80, 6.0), (70, 2.0), (60, 3.0)], best=2)
    line, star = figure.axes[0].get_lines()
    assert np.asarray(line.get_xdata()).tolist() == [80, 70, 50]
    assert np.asarray(line.get_ydata()).tolist() == [6, 2, 1]
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (70, 2)


def test_sensitivity_is_a_curve_a_layer_and_a_line_for_the_threshold():
    curve = (Point(0.5, 0.9, 0.88, 0.92), Point(0.9, 0.6, 0.57, 0.63))
    found = Sensitivity("sparsity", (0.5, 0.9), Recipe(), 0.95, {"a": curve}, {"b": "one"}, 2)
    ax = draw_sensitivity(Figure().add_subplot(), found, threshold=3.0)
    line, limit = ax.lines
    assert line.get_xydata().tolist() == [[50, 90], [90, 60]]
    assert list(limit.get_ydata()) == pytest.approx([92.0, 92.0])
    assert ax.get_xlabel().endswith("not changed: b")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "3 points lost"]


def test_fewer_bits_are_to_the_right():
    curve = (Point(8, 0.9, 0.88, 0.92), Point(2, 0.6, 0.57, 0.63))
    found = Sensitivity("bits", (8, 2), Recipe(), 0.95, {"a": curve}, {}, 2)
    ax = draw_sensitivity(Figure().add_subplot(), found)
    left, right = ax.get_xlim()
    assert left > right


def test_a_budget_is_a_bar_a_layer():
    choices = (Choice("first", 0.5, 4, 100.0, 0.1), Choice("head", 0.9, 2, 40.0, 0.2))
    budget = SimpleNamespace(choices=choices)
    ax = draw_budget(Figure().add_subplot(), budget)
    assert [bar.get_width() for bar in ax.patches] == [100.0, 40.0]
    assert [text.get_text() for text in ax.texts] == ["100 B, 50%, 4 bits", "40 B, 90%, 2 bits"]


# Names of classes and layers that contain two $


@pytest.mark.parametrize("name", ["$5 to $10", r"cost $\frac$", "$x_1$", r"a \$ and $b$"])
def test_a_name_is_no_mathematics(make_own, toy, name):
    dataset = replace(toy, class_names=(name, "b", "c"), name=name)
    report = Experiment(make_own(), dataset).run(Recipe(sparsity=0.5))
    figure = plot_report(report)
    to_bytes(figure, "svg")  # raises if a name is parsed as a formula and is none
    matrix, classes = figure.axes[:2]
    labels = [
        *(axis.get_ticklabels()[0] for axis in (matrix.xaxis, matrix.yaxis, classes.yaxis)),
        draw_images(np.zeros((1, 4, 4, 1)), [name]).axes[0].title,
    ]
    assert [label.get_text() for label in labels] == [name] * 4
    assert [label.get_parse_math() for label in labels] == [False] * 4


def test_layers_and_datasets_are_no_mathematics_either(ax):
    name = r"$\frac$"
    curves = {name: (Point(0.5, 0.9, 0.8, 0.95),)}
    sensitivity = Sensitivity("sparsity", (0.5,), Recipe(), 0.95, curves, {name: "one"}, 1)
    legend = draw_sensitivity(ax, sensitivity).get_legend().get_texts()[0]
    assert (legend.get_text(), legend.get_parse_math()) == (name, False)
    assert not ax.xaxis.label.get_parse_math()
    to_bytes(ax.figure, "png")


# Classes with few images


def test_recalls_that_rest_on_few_images_are_named(ax, own):
    report = own.run(Recipe(sparsity=0.5))
    assert report.labels.tolist().count(1) == 4
    draw_classes(ax, report)
    percent, *notes = ax.get_xlabel().splitlines()
    assert percent == "%"
    assert notes == ["recall of 'bee' rests on 4 images", "recall of 'cat' rests on 8 images"]


def test_many_classes_of_few_images_are_counted(ax, report):
    few = Confusion(np.eye(5, dtype=int), tuple("abcde"))
    outcome = replace(report.outcome, confusion=few)
    draw_classes(ax, replace(report, outcome=outcome, class_names=tuple("abcde")))
    assert ax.get_xlabel() == "%\n5 recalls rest on under 10 images"


def test_enough_images_need_no_note(ax, report):
    assert draw_classes(ax, report).get_xlabel() == "%"


@pytest.mark.parametrize("value", [3, None, "rep"])
def test_a_plot_of_no_report_names_the_value_and_the_type(value):
    with pytest.raises(ValueError, match=f"report is a Report, from run\\(\\), not {value!r}"):
        plot_report(value)
