"""Small widgets of the lessons: live text, decisions, slides, images, thresholds."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.tasks.class_outcome import ClassOutcome
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import SPARSE_RUNTIME
from optiwidgets.grading.question_files import LIVE_FIGURES
from optiwidgets.grading.questions import QUESTIONS, TEXTS
from optiwidgets.session.background import no_work
from optiwidgets.session.queries import corrupted_reports
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.lesson.challenge_log import Trials
from optiwidgets.widgets.lesson.compare import Compare
from optiwidgets.widgets.lesson.corruption_sliders import NewData
from optiwidgets.widgets.lesson.image_gallery import Inspect, chosen
from optiwidgets.widgets.lesson.live_text import Live, figures, live
from optiwidgets.widgets.lesson.policy_sliders import Decide
from optiwidgets.widgets.lesson.quiz import ask
from optiwidgets.widgets.lesson.slides import Present
from optiwidgets.widgets.lesson.textbook import AFTER, Textbook
from optiwidgets.widgets.lesson.threshold import Threshold


@pytest.fixture
def session(digits):
    return Session(digits)


def hidden(widget):
    return widget.layout.display == "none"


def test_a_lesson_unlocks_only_the_controls_it_is_about(digits):
    explorer = Explorer(digits, unlock=["sparsity", "policy"], show=["size"])
    assert not hidden(explorer.controls.sparsity)
    assert not hidden(explorer.policy)
    assert hidden(explorer.controls.bits)
    assert hidden(explorer.controls.choices["scheme"])
    assert hidden(explorer.controls.rows["finetune"][0])
    assert hidden(explorer.model)
    assert "ow-no-speed" in explorer._dom_classes
    assert "ow-no-size" not in explorer._dom_classes


def test_where_no_control_is_unlocked_there_is_no_box_for_them(digits):
    assert hidden(Explorer(digits, unlock=["policy"]).controls)
    assert not hidden(Explorer(digits, unlock=["bits"]).controls)


def test_without_a_wish_everything_is_there(digits):
    explorer = Explorer(digits)
    assert not any(hidden(w) for row in explorer.controls.rows.values() for w in row)
    assert not any(name.startswith("ow-no-") for name in explorer._dom_classes)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"unlock": ["sparcity"]}, "controls are sparsity, bits, .* not sparcity"),
        ({"show": ["sizes"]}, "parts are size, speed, .* not sizes"),
        ({"show": "history"}, "show is a list of parts, of size, speed, .*, not 'history'"),
        ({"unlock": "bits"}, "unlock is a list of controls, not 'bits'"),
    ],
)
def test_an_unknown_control_or_part_is_refused(digits, wish, said):
    with pytest.raises(ValueError, match=said):
        Explorer(digits, **wish)


def test_live_text_follows_the_session_with_the_reports_own_numbers(session):
    live = Live("{sparsity} gone, {accuracy} right, {drop} lost, {bytes}", session)
    session.recipe = Recipe(sparsity=0.9)
    report = session.report
    assert live.value.removesuffix("</p>").partition(">")[2] == (
        f"<b>90 %</b> gone, <b>{100 * report.confusion.accuracy:.1f} %</b> right, "
        f"<b>{report.drop_from(session.baseline).points:.1f} points</b> lost, "
        f"<b>{report.size.total_bytes:,} bytes</b>"
    )


def test_the_rest_of_a_live_text_follows_once_the_learner_has_changed_the_recipe(session):
    session.recipe = Recipe(score="random")
    live = Live("{sparsity} gone.{once_moved} It breaks.", session)
    assert "<b>0 %</b> gone." in live.value
    assert "It breaks" not in live.value
    session.recipe = Recipe(sparsity=0.1, score="random")
    assert "<b>10 %</b> gone. It breaks." in live.value
    session.recipe = Recipe(score="random")
    assert "<b>0 %</b> gone. It breaks." in live.value


def test_live_text_with_an_unknown_figure_is_refused(session):
    with pytest.raises(
        ValueError, match=r"figures of classification are recipe, sparsity, .* not accurracy"
    ):
        Live("{accurracy}", session)


def test_the_text_of_a_lesson_is_shown_by_its_key(session):
    told = live("pruning.half", session)
    assert isinstance(told, Live)
    assert told.text == TEXTS["pruning.half"]
    assert told.value.startswith("<p")
    for key, words in (("pruning.halv", "did you mean pruning.half"), (3, "there are metrics")):
        with pytest.raises(ValueError, match=f"no live text {key!r}; {words}"):
            live(key, session)


def test_the_checker_of_question_files_knows_every_figure(session):
    boxes = Experiment.load("scenes").run(Recipe())
    known = {*figures(session.baseline, session.report), *figures(boxes, boxes)}
    assert known == set(LIVE_FIGURES)
    assert len(LIVE_FIGURES) == len(known)


def test_figures_name_the_class_that_lost_most_and_both_verdicts(session):
    session.recipe = Recipe(sparsity=0.85)
    base, report = session.baseline, session.report
    said = figures(base, report)
    falls = base.confusion.recall - report.confusion.recall
    assert said["worst_class"] == report.class_names[int(falls.argmax())]
    assert said["worst_fall"] == f"{100 * falls.max():.1f} points"
    assert said["mobile"] == judge(base, report, Policy.MOBILE).grade
    assert said["speed"] == said["sparse_speed"] == "not yet"


def test_live_text_has_the_speed_of_each_runtime_or_why_there_is_none(digits):
    base, report = digits.run(Recipe()), digits.run(Recipe(sparsity=0.5))
    dense, sparse = Latency(1.0, 0.9, 1.1, 1, 1, 1), Latency(2.0, 1.8, 2.2, 2, 1, 1)
    both = replace(report, latency=dense, latencies={SPARSE_RUNTIME: sparse})
    said = figures(base, both)
    assert said["speed"] == "1.00 times (0.90 to 1.10)"
    assert said["sparse_speed"] == "2.00 times (1.80 to 2.20)"
    one = replace(report, latency=dense, latency_reasons={SPARSE_RUNTIME: "it is absent"})
    assert figures(base, one)["sparse_speed"] == "not timed here, since it is absent"


def test_the_sliders_reach_every_answer_of_the_question_beside_them():
    decide = Decide(accuracy_before=95, accuracy=85, size_cut=60, speedup=3.0)
    asked = [number(text) for text in QUESTIONS["selfcheck.when"].options]
    for slider, value in zip((decide.speedup, decide.size_cut), asked, strict=False):
        slider.value = value
        assert slider.value == value
        assert decide.verdicts()[0].grade == "bad"
    decide.accuracy.value = 95 - asked[2]
    assert "from 95 % right to 93.5 %" in decide.shown.caption.lower()
    assert decide.verdicts()[0].grade == "good"


def number(text):
    return float(text.split()[0])


def test_bare_numbers_are_graded_by_the_rule_of_the_verdict():
    decide = Decide()
    assert [v.grade for v in decide.verdicts()] == ["bad", "bad"]
    decide.accuracy.value = 94
    assert [v.grade for v in decide.verdicts()] == ["good", "borderline"]
    assert decide.shown.rows[0][:2] == ["mobile app", "good"]
    assert "from 95 % right to 94 %" in decide.shown.caption.lower()
    decide.speedup.value = 1.0
    assert [v.grade for v in decide.verdicts()] == ["borderline", "borderline"]


def test_numbers_that_cannot_be_graded_are_refused_by_name(digits):
    with pytest.raises(ValueError, match=r"^accuracy_before is a number from 0 to 100 \(percent\)"):
        Decide(digits)
    with pytest.raises(ValueError, match=r"^speedup is a number from 0\.5 to 5 \(times faster\)"):
        Decide(speedup=9)
    with pytest.raises(ValueError, match=r"size_cut .* not True; Decide grades plain numbers"):
        Decide(size_cut=True)


def test_slides_turn_one_at_a_time_and_stop_at_both_ends():
    talk = Present(["one", "two", "three"])
    assert [hidden(s) for s in talk.slides] == [False, True, True]
    assert talk.back.disabled
    for _ in range(5):
        talk.turn(1)
    assert [hidden(s) for s in talk.slides] == [True, True, False]
    assert talk.next.disabled
    assert talk.counter.value == "3 of 3"
    with pytest.raises(ValueError, match="1 slide or more"):
        Present([])


def test_inspect_shows_the_images_the_counts_are_made_of(session):
    session.recipe = Recipe(sparsity=0.8)
    base, report = session.baseline, session.report
    drop = report.drop_from(base)
    for kind, count in (("lost", drop.lost), ("gained", drop.gained)):
        places = chosen(base, report, kind)
        assert len(places) == count
        assert ((base.predictions == base.labels)[places] == (kind == "lost")).all()
    wrong = chosen(base, report, "wrong before and after")
    assert len(wrong) == 1500 - np.trace(report.confusion.counts) - drop.lost


def test_inspect_draws_in_the_slow_lane_and_says_how_many_there_are(session):
    inspect = Inspect(session)
    assert inspect.count.value == "Nothing changed yet: move a control, and images lost are shown."
    assert hidden(inspect.pictures)
    session.recipe = Recipe(sparsity=0.8)
    work, done = session.on_idle[0](session.report)
    done(work(lambda: False))
    lost = session.report.drop_from(session.baseline).lost
    assert inspect.count.value == f"{lost} images lost"
    assert bytes(inspect.pictures.value).startswith(b"\x89PNG")


@pytest.fixture
def binary(digits):
    """Session whose reports have two classes: zero or not."""
    session = Session(digits)
    base = session.report
    scores = np.stack([1 - base.scores[:, 0], base.scores[:, 0]], axis=1)
    names, labels = ("other", "zero"), (base.labels == 0).astype(np.int64)
    outcome = ClassOutcome.of(labels, scores.argmax(1), scores, names, positive=1)
    two = replace(base, class_names=names, positive=1, outcome=outcome)
    with session.hold_trait_notifications():
        session.baseline = session.report = two
    return session


def test_a_threshold_moves_misses_against_false_alarms(binary):
    report = binary.report
    counts = [report.at_threshold(t).counts for t in (0.0, 0.01, 0.5, 0.99, 1.0)]
    missed, alarms = zip(*((c[1, 0], c[0, 1]) for c in counts), strict=True)
    assert list(missed) == sorted(missed)
    assert list(alarms) == sorted(alarms, reverse=True)
    assert (missed[0], alarms[0]) == (0, 1350)
    assert all(c.sum() == 1500 for c in counts)


def test_what_a_miss_costs_is_counted_for_1000_images(binary):
    threshold = Threshold(binary)
    threshold.threshold.value, threshold.miss.value, threshold.alarm.value = 0.9, 100, 3
    counts = binary.report.at_threshold(0.9).counts
    cost = (100 * counts[1, 0] + 3 * counts[0, 1]) / 1.5
    assert threshold.shown.heads == ["", "baseline", "optimized"]
    names, _, optimized = zip(*threshold.shown.rows, strict=True)
    assert (names[0], names[1], names[-1]) == ("missed", "false alarms", "cost of 1,000 images")
    assert optimized[:2] == (f"{counts[1, 0]}", f"{counts[0, 1]}")
    assert optimized[-1] == f"{cost:,.0f}"


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_a_threshold_that_is_no_score_is_refused(binary, wrong):
    with pytest.raises(ValueError, match="a threshold is a score of 0 to 1, not"):
        binary.report.at_threshold(wrong)


def test_a_page_can_move_a_float_slider_within_its_range_only():
    decide = Decide()
    decide.speedup.set_state({"value": 1.7})
    assert decide.speedup.value == 1.7
    for wrong in (float("nan"), float("inf"), 99.0, "2", None, True):
        decide.speedup.set_state({"value": wrong})
        assert decide.speedup.value == 1.7
        assert "refused" in decide.shown.caption


def test_two_recipes_stand_side_by_side_with_their_own_numbers(session):
    compare = Compare(session)
    session.recipe = Recipe(bits=4)
    compare.keep.click()
    session.recipe = Recipe(sparsity=0.9)
    rows = {name: sides for name, *sides in compare.table.rows}
    assert rows["recipe"] == ["4 bits", "90 % sparsity"]
    four, sparse = (session.experiment.run(Recipe(**r)) for r in ({"bits": 4}, {"sparsity": 0.9}))
    assert rows["file"] == [f"{r.size.total_bytes:,} bytes" for r in (four, sparse)]
    assert rows["accuracy"] == [f"{100 * r.confusion.accuracy:.1f} %" for r in (four, sparse)]


def test_a_kept_recipe_is_compared_with_the_untouched_model_it_was_kept_from():
    session = Session()
    session.recipe = Recipe(sparsity=0.9)
    compare = Compare(session)
    before = [row[1] for row in compare.table.rows]
    assert session.model != "wide"
    session.model = "wide"  # of the same images
    assert [row[1] for row in compare.table.rows] == before
    now = figures(session.baseline, session.report)
    rows = {name: side for name, _, side in compare.table.rows}
    assert (rows["drop"], rows["class that fell most"]) == (now["drop_words"], now["worst_class"])
    assert rows["drop"] != before[2]


def test_compare_names_no_class_where_none_lost_recall(session):
    rows = {name: sides for name, *sides in Compare(session).table.rows}
    assert rows["class that fell most"] == ["no class lost recall"] * 2
    assert rows["its recall fell by"] == ["0.0 points"] * 2


def test_new_data_are_worse_for_both_and_nothing_is_tuned_on_them(session):
    session.recipe = Recipe(sparsity=0.6)
    dial = NewData(session)
    assert [row[1] == row[2] for row in dial.table.rows] == [True, True]
    dial.sliders["noise"].value = 0.3
    new = corrupted_reports(session.experiment, session.report.recipe, noise=0.3)
    shown = [row[2] for row in dial.table.rows]
    assert shown == [f"{100 * report.confusion.accuracy:.1f} %" for report in new]
    assert new[0].confusion.accuracy < session.baseline.confusion.accuracy
    assert session.report.recipe == Recipe(sparsity=0.6)
    assert f"{new[1].drop_from(new[0]).points:.1f} points below" in dial.table.caption


def test_images_that_are_no_pixels_are_changed_by_no_slider_and_the_reason_is_shown(make_own, toy):
    dial = NewData(Session(Experiment(make_own(), replace(toy, mean=0.0, std=1.0))))
    dial.sliders["noise"].value = 0.3
    assert dial.table.rows == []
    assert "mean 0.0 and std 1.0 the images lead back to pixels from" in dial.table.caption


def test_attempts_are_kept_and_the_smallest_that_meets_the_challenge_is_best(session):
    trials = Trials(ask("challenge.half", session).question, session)
    for recipe in (Recipe(bits=8), Recipe(bits=2), Recipe(sparsity=0.5, bits=6), Recipe(bits=8)):
        session.recipe = recipe
        work, done = session.on_idle[0](session.report)
        done(work(lambda: False))
    assert [row[0] for row in trials.table.rows] == [
        "8 bits",
        "50 % sparsity, 6 bits (best)",
        "2 bits",
    ]
    assert [row[1] for row in trials.table.rows] == ["yes", "yes", "no"]
    assert trials.best.recipe == Recipe(sparsity=0.5, bits=6)
    assert bytes(trials.picture.value).startswith(b"\x89PNG")


def test_the_textbook_stands_beside_the_live_counts_and_the_button_comes_within_3():
    session = Session(Experiment.load("smear-200"))
    textbook = Textbook(session)
    live = [int(row[2]) for row in textbook.table.rows]
    assert all(abs(a - b) <= 3 for a, b in zip(live, (90, 10, 5, 95), strict=True))
    assert "untouched" in textbook.table.caption
    session.recipe = Recipe(sparsity=0.9)
    assert "not every count is within 3 images" in textbook.table.caption
    textbook._found(session.experiment.run(Recipe(sparsity=0.45, pruning="layer")))
    now = session.report.confusion.counts
    assert np.abs(now - AFTER).max() <= 3
    said = "45 % sparsity in every layer: every count is within 3 images"
    assert said in textbook.table.caption
    assert [row[4] for row in textbook.table.rows] == [
        str(count) for count in (now[1, 1], now[0, 1], now[1, 0], now[0, 0])
    ]


def after_all(session):
    """Wait for the slow lane and its callbacks."""
    session.slow.submit((lambda is_cancelled: None, lambda _: None)).result(300)


def test_the_search_for_such_a_recipe_can_be_asked_for_again_once_a_move_ended_it():
    session = Session(Experiment.load("smear-200"))
    textbook = Textbook(session)
    begun, run = Event(), session.experiment.run
    session.experiment.run = lambda recipe, **others: begun.set() or run(recipe, **others)
    textbook.find.click()
    assert textbook.find.disabled
    assert begun.wait(300)
    session.recipe = Recipe(sparsity=0.9)
    after_all(session)
    assert not textbook.find.disabled
    assert "Looking" not in textbook.table.caption
    assert session.report.recipe == Recipe(sparsity=0.9)


def test_a_search_that_fails_can_be_tried_again(monkeypatch):
    session = Session(Experiment.load("smear-200"))
    textbook = Textbook(session)
    monkeypatch.setattr(Experiment, "run", lambda *_, **__: 1 / 0)
    textbook.find.click()
    session.wait(300)
    after_all(session)
    assert not textbook.find.disabled
    assert "division by zero" in textbook.table.caption


def test_an_untouched_model_has_no_verdict_in_words(session):
    said = figures(session.baseline, session.baseline)
    assert said["mobile"] == said["medical"] == "nothing changed yet"
    assert figures(session.baseline, session.experiment.run(Recipe(0.99)))["mobile"] == "bad"


def test_compare_reads_a_measurement_that_comes_after_a_was_kept(digits, session):
    other = Session(digits)
    compare = Compare(session)
    session.recipe = Recipe(bits=4)
    compare.keep.click()
    session.recipe = Recipe(sparsity=0.9)

    def speeds():
        return next(sides for name, *sides in compare.table.rows if name == "times faster")

    assert speeds() == ["not yet", "not yet"]
    timed = Latency(2.0, 1.5, 2.5, 2.0, 1.0, threads=1)
    for report in (digits.run(Recipe(bits=4)), digits.run(Recipe(sparsity=0.9))):
        digits._measurements.store(replace(report, latency=timed))
    assert speeds() == 2 * ["2.00 times (1.50 to 2.50)"]
    assert other.report.latency is None  # of the untouched model
    new = replace(digits.run(Recipe(bits=4)), latency=replace(timed, ratio=1.8))
    digits._measurements.store(new)
    assert speeds() == ["1.80 times (1.50 to 2.50)", "2.00 times (1.50 to 2.50)"]


def test_a_recipe_left_before_its_speed_was_known_is_measured_as_a(digits, session, monkeypatch):
    compare = Compare(session)
    session.recipe = Recipe(bits=4)
    compare.keep.click()
    session.recipe = Recipe(sparsity=0.9)
    asked = []
    monkeypatch.setattr(digits, "measure", lambda rep, stop: asked.append(rep.recipe))
    work, done = session.on_idle[-1](session.report)
    done(work(lambda: False))
    assert asked == [Recipe(bits=4)]
    session.measures = False
    work, _ = session.on_idle[-1](session.report)
    assert work is no_work


def test_live_text_names_a_recipe_in_plain_words(session):
    live = Live("With {recipe}: {speed}.", session)
    assert "With <b>untouched</b>: <b>nothing to compare yet</b>." in live.value
    session.recipe = Recipe(sparsity=0.7, bits=8)
    assert "With <b>70 % sparsity, 8 bits</b>: <b>not yet</b>." in live.value
