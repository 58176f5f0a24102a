"""Ways from a page to Python: links for shipped models alone, and lines that open the same."""

from __future__ import annotations

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.explorer import share_link
from optiwidgets.widgets.pages.page_file import page_html
from optiwidgets.widgets.pages.python_places import (
    IMPORT,
    INSTALL,
    PythonPlaces,
    explorer_places,
    lesson_places,
    places_html,
)


def test_binder_opens_the_state_that_the_page_shows(digits):
    query = share_link.spell("digits", "small", "medical image", Recipe(0.5, bits=4))
    places = explorer_places(digits, "digits", "small", query)
    assert [words for words, _ in places.links] == ["Binder", "Colab", "VS Code"]
    assert places.links[0][1].endswith(
        "explorer.ipynb%3Fcase%3Ddigits%26model%3Dsmall%26policy%3Dmedical%2Bimage"
        "%26sparsity%3D0.5%26bits%3D4"
    )
    assert places.links[1:] == lesson_places("explorer").links[1:]


def test_own_model_has_no_links_and_is_no_shipped_one_by_its_name(own):
    for case, model in (("digits", "small"), ("mine", "net")):
        places = explorer_places(own, case, model)
        opened = "ow.Explorer(experiment)  # of your own model"
        assert places == PythonPlaces((), (INSTALL, IMPORT, opened))
    assert "<a" not in places_html(places)


def test_names_and_addresses_are_text():
    places = PythonPlaces((('<b>"', "https://x.example/?a=1&b='\""),), ("</script>",))
    html = page_html("x", [], places=places)
    assert '<a href="https://x.example/?a=1&amp;b=&#x27;&quot;">&lt;b&gt;&quot;</a>' in html
    assert "<code>&lt;/script&gt;</code>" in html
