"""Pages of an explorer that shows another recipe than the untouched model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.pages.page_content import PageContent

HALF = PageContent(families=(RecipeFamily(Recipe(), (0.0, 0.5), (8, 32)),))


@pytest.fixture
def explorer(digits: Experiment) -> Explorer:
    return Explorer(digits)


def test_the_two_sliders_start_at_the_recipe_that_is_shown(explorer, monkeypatch):
    started = list[Recipe]()
    monkeypatch.setattr(
        Explorer, "page", lambda self, *_: started.append(self.session.recipe) or ""
    )
    explorer.session.recipe = Recipe(sparsity=0.5, bits=8)
    explorer.to_notebook(content=HALF)
    assert started == [explorer.session.recipe]


@pytest.mark.parametrize(
    "recipe", [Recipe(sparsity=0.5, pruning="channel"), Recipe(sparsity=0.5, recovery="refit")]
)
def test_a_recipe_that_the_two_sliders_lack_is_refused(explorer, recipe, tmp_path: Path):
    explorer.session.recipe = recipe
    for write in (explorer.to_html, explorer.to_module):
        with pytest.raises(ValueError, match=r"has no position for Recipe.*sliders_only=False"):
            write(tmp_path / "page", sliders_only=True)
    with pytest.raises(ValueError, match=r"two sliders alone has no position"):
        explorer.to_notebook()
    assert [*tmp_path.iterdir()] == []


def test_a_saved_notebook_has_the_picture_as_an_image_too(explorer, monkeypatch):
    monkeypatch.setattr(Explorer, "page", lambda self, *_: "<p>page</p>")
    saved = explorer.to_notebook()
    assert saved._repr_png_() == explorer.static_view()["image/png"]
    assert replace(saved, png=None)._repr_png_() is None
