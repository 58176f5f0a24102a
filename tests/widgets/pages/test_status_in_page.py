"""Status text of a page without a kernel: that of the live page, for runs that it shows whole."""

import pytest
from node_answers import answers  # tests/widgets
from page_runs import page_run

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer.status_text import status_text

RECIPES = (
    Recipe(),
    Recipe(0.5, bits=4),
    Recipe(bits=8, activation_bits=8),
    Recipe(0.5, bits=8, activation_bits=8),
    Recipe(recovery="refit"),
    Recipe(bits=4, recovery="refit"),
    Recipe(0.5, bits=4, recovery="refit"),
    Recipe(0.5, recovery="bias"),
    Recipe(bits=3, recovery="recalibrate"),
    Recipe(0.9, recovery="sequential"),
    Recipe(0.99, "channel"),
    Recipe(0.5, "channel"),
    Recipe(pruning="2:4"),
    Recipe(pruning="1:4", bits=4),
)


@pytest.fixture(scope="module")
def texts(digits):
    runs = [page_run(digits.run(recipe)) for recipe in RECIPES]
    return answers("pages/run_status.js", [["runStatus", run] for run in runs])


@pytest.mark.parametrize("place", range(len(RECIPES)), ids=map(str, RECIPES))
def test_a_run_has_the_status_of_the_live_page(digits, texts, place):
    session = Session(digits)
    session.report = digits.run(RECIPES[place])
    session.recipe = RECIPES[place]
    assert not session.stale
    assert texts[place] == status_text(session, lambda recipe: True)


def test_some_runs_have_something_to_tell(texts):
    assert len(set(texts)) > 8
