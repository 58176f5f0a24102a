"""Share links of a page without a kernel: opened and refused as in Python, in its words."""

from __future__ import annotations

import json

import pytest
from link_rows import POLICIES, table  # tests/widgets
from node_answers import answers  # tests/widgets
from page_runs import page_recipe  # tests/widgets

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer import share_link

LINKS = "../../tests/javascript/link_answers.js"


def of_python(session, query):
    """Read a query as the live page does."""
    try:
        said = share_link.read(query)
        share_link.check(session, [policy.name for policy in POLICIES], said)
    except ValueError as error:
        return {"refused": str(error), "kind": "Error"}
    return said | {"recipe": page_recipe(said["recipe"])}


def of_page(session, queries, **changed):
    rules = share_link.page_rules(session) | changed
    open_page = {
        "experiments": {session.case: {session.model: "one"}},
        "model": session.model,
        "policies": [policy.name for policy in POLICIES],
        "layers": list(session.experiment.run(Recipe()).size.layers),
    }
    (told,) = answers(LINKS, [["links", rules, open_page, queries]])
    return told


def said_of(answer):
    """Write layers as lists; a page's empty answer is the untouched model's."""
    answer = answer or {"recipe": page_recipe(Recipe())}
    return json.loads(json.dumps(answer))


@pytest.fixture(scope="module")
def session(digits):
    return Session(digits)


def test_a_page_opens_and_refuses_the_links_that_python_does_in_its_words(session):
    queries = table()
    found = of_page(session, queries)
    expected = [of_python(session, query) for query in queries]
    differ = [
        (query[:200], theirs, ours)
        for query, theirs, ours in zip(queries, expected, found, strict=True)
        if said_of(theirs) != said_of(ours)
    ]
    assert not differ, (len(differ), differ[:5])
    refusals = [answer["refused"] for answer in found if "refused" in answer]
    assert len(refusals) >= 500
    assert len(queries) - len(refusals) >= 300
    assert max(map(len, refusals)) < 400


def test_a_case_that_only_python_opens_is_no_wrong_one(session):
    cases = {"digits": ["small", "wide"], "smear": ["small"]}
    queries = ["case=smear", "model=wide&bits=4", "case=mice", "model=huge", "bits=4"]
    found = of_page(session, queries, cases=cases)
    assert [answer.get("kind") for answer in found] == ["NeedsPython"] * 2 + ["Error"] * 2 + [None]
    assert found[0]["refused"] == "this page has no numbers of smear, small: they need Python"


def test_a_seed_that_the_page_cannot_count_is_refused_and_not_rounded(session):
    (found,) = of_page(session, [f"seed={2**53 + 1}&sparsity=0.5&score=random"])
    assert found["refused"] == "a page has no seeds above 2**53; Python has them"
    assert share_link.read(f"seed={2**53 + 1}")["recipe"].seed == 2**53 + 1
