"""Headline of an explorer in a saved notebook: no verdict on a part of the images."""

from __future__ import annotations

from ipywidgets import VBox

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.base.static_html import static_html
from optiwidgets.widgets.explorer.snapshot import headline

PRUNED = Recipe(sparsity=0.9)


def test_all_images_get_the_grade_and_the_packed_bytes(digits):
    report = digits.run(PRUNED)
    _, _, judged = headline(digits.run(Recipe()), report, Policy.MOBILE)
    assert judged == (
        f"Packed file {report.size.total_bytes:,} bytes, {report.size.ratio:.1f} times smaller. "
        "For a mobile app: bad."
    )


def test_a_part_of_the_images_gets_no_grade(digits):
    base, part = (digits.run(recipe, first=100) for recipe in (Recipe(), PRUNED))
    _, measured, judged = headline(base, part, Policy.MOBILE)
    assert "on 100 images, before" in measured
    assert judged.endswith(" For a mobile app: judged once all 1,500 images are in.")


def test_an_estimated_size_says_so(digits):
    base, part = (
        digits.run(recipe, first=100, estimate_size=True) for recipe in (Recipe(), PRUNED)
    )
    assert part.size.estimated
    about = f"Packed file about {part.size.total_bytes:,} bytes (estimated), "
    assert headline(base, part, Policy.MOBILE)[2].startswith(about)
    _, untouched = headline(base, base, Policy.MOBILE)
    about = f"packed file about {base.size.total_bytes:,} bytes (estimated)."
    assert untouched.endswith(about)


def test_a_page_without_python_shows_the_headline_and_the_matrices(explorer):
    told = explorer.static_body()
    assert told.startswith("<p>The untouched model</p><p>Accuracy ")
    assert static_html(VBox([explorer])) == told
    assert explorer.static_picture().startswith(b"\x89PNG")


def test_numbers_that_an_activity_covers_stay_covered(explorer):
    explorer.classroom.activities.start("blind")
    assert explorer.static_body().startswith("<p>The numbers are covered")
    assert explorer.static_picture() == b""
