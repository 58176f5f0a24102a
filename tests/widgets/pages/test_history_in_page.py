"""History of a page without a kernel: rows, pairs, chart and CSV of the live page."""

import random
from dataclasses import replace

import pytest
from node_answers import answers  # tests/widgets
from page_runs import page_experiment, page_policy, page_run

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.sweep import frontier
from optiwidgets.session.session import Session
from optiwidgets.widgets.panels.history import History, _row, compare
from optiwidgets.widgets.panels.history_log import to_csv

POLICIES = {policy.name: page_policy(policy) for policy in (Policy.MOBILE, Policy.MEDICAL)}
MODULES = [
    "pages/trial_rows.js",
    "pages/history_chart.js",
    "pages/history_csv.js",
]


def drawn_recipes(count):
    chance = random.Random(3)
    return [
        Recipe(
            chance.randrange(100) / 100,
            *chance.choice(
                (("global", "magnitude"), ("layer", "random"), ("channel", "magnitude"))
            ),
            bits=chance.choice(BIT_WIDTHS),
        )
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def reports(digits):
    """Reports of 30 recipes, some of them measured."""
    made = []
    for place, recipe in enumerate(drawn_recipes(30)):
        report = digits.run(recipe)
        if place % 3 == 0:
            ratio = 0.7 + place / 20
            timed = Latency(ratio, ratio - 0.1, ratio + 0.1, 0.31, 0.31 / ratio, 1)
            report = replace(
                report, latency=timed, flip_rate=0.01 + place / 300, baseline_flip_rate=0.02
            )
        made.append(report)
    return [digits.run(Recipe()), *made]


@pytest.fixture(scope="module")
def history(digits, reports):
    history = History(Session(digits))
    for report in reports[1:]:
        history.keep(report)
    history.looked_at = True
    return history


@pytest.fixture(scope="module")
def page(digits, history, reports):
    """Calls that make the trials of all entries; the rest of a test's calls follow."""
    past, baseline = history.past, page_run(reports[0])
    experiment = page_experiment(digits, past.case, past.model) | {"baseline": baseline}
    return experiment, [["trialOf", experiment, page_run(report)] for report in reports]


def told(page, calls):
    _, made = page
    return answers(MODULES, [*made, *calls])[len(made) :]


def answer(place):
    return {"$answer": place}


@pytest.mark.parametrize("policy", [Policy.MOBILE, Policy.MEDICAL], ids=lambda p: p.name)
def test_every_row_is_that_of_the_live_page(history, page, policy):
    entries = history.past.entries
    calls = [
        ["trialRow", page[0], answer(place), POLICIES[policy.name]] for place in range(len(entries))
    ]
    expected = [_row(entry, policy) for entry in entries]
    found = told(page, calls)
    assert found == [row | {"speed": row["speed"] and list(row["speed"])} for row in expected]
    assert len({row["grade"] for row in found}) > 3


def test_pairs_are_compared_as_on_the_live_page(history, page):
    entries, chance = history.past.entries, random.Random(5)
    pairs = [(chance.randrange(len(entries)), chance.randrange(len(entries))) for _ in range(20)]
    mobile = POLICIES["mobile app"]
    found = told(page, [["compareTrials", page[0], answer(a), answer(b), mobile] for a, b in pairs])
    for pair, (a, b) in zip(found, pairs, strict=True):
        expected = compare(entries[a], entries[b])
        assert pair["drop"] == pytest.approx(expected.pop("drop"), abs=1e-12)
        assert {**pair, "drop": None} == {**expected, "drop": None}


def test_chart_and_csv_are_those_of_the_live_page(history, page):
    entries = [answer(place) for place in range(len(history.past.entries))]
    log = {"experiment": page[0], "entries": entries}
    chart, csv = told(page, [["chartTraits", log, POLICIES["mobile app"]], ["historyCsv", [log]]])
    live = history.chart
    assert (chart["about"], chart["metric"]) == (live.about, live.metric)
    assert chart["trials"] == live.trials
    assert csv == to_csv([history.past])


def test_names_with_commas_and_quotes_are_quoted_in_the_csv(history, page):
    experiment = page[0] | {"case": 'a,"b"', "model": "c\nd"}
    log = {"experiment": experiment, "entries": [answer(0)]}
    named = replace_names(history.past, 'a,"b"', "c\nd")
    assert told(page, [["historyCsv", [log]]]) == [to_csv([named])]


def replace_names(past, case, model):
    one = type(past)(case, model, past.baseline)
    assert len(one.entries) == 1
    return one


def test_the_pareto_front_is_that_of_sweeps():
    chance = random.Random(7)
    for _ in range(3):
        points = [[chance.randrange(6), chance.randrange(6) / 6] for _ in range(20)]
        assert answers("pages/history_chart.js", [["frontierOf", points]]) == [
            frontier([tuple(point) for point in points])
        ]
