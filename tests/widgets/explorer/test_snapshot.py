"""Headline of an explorer in a saved notebook: no verdict on a part of the images."""

from __future__ import annotations

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.recipe import Recipe
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
