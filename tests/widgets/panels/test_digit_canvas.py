"""Canvas without a browser: bytes in, scores and words out."""

import numpy as np
import pytest
from traitlets import TraitError

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.panels.digit_canvas import EMPTY, Canvas, DigitCanvas


@pytest.fixture
def draw(digits):
    view = DigitCanvas(Session(digits))
    view.looked_at = True
    return view


def picture(digits, place):
    pixels = digits.dataset.pixels(digits.dataset.exploration[0][place])[0]
    return (255 * pixels).round().numpy().astype(np.uint8).tobytes()


def test_a_drawing_gets_the_scores_of_both_models(draw, digits):
    draw.session.recipe = Recipe(sparsity=0.9)
    draw.canvas.pixels = picture(digits, 610)
    for side, recipe in (("baseline", Recipe()), ("optimized", Recipe(sparsity=0.9))):
        assert draw.canvas.answer[side] == pytest.approx(digits.run(recipe).scores[610], abs=1e-5)


def test_the_bars_follow_the_recipe_until_the_digit_flips_in_words(draw, digits):
    report = digits.run(Recipe(sparsity=0.9))
    base = digits.run(Recipe())
    lost = np.flatnonzero((base.predictions == base.labels) & (report.predictions != base.labels))
    place = int(lost[0])
    draw.canvas.pixels = picture(digits, place)
    assert draw.canvas.answer["words"].startswith("Both read")
    draw.session.recipe = Recipe(sparsity=0.9)
    was, now = base.predictions[place], report.predictions[place]
    assert draw.canvas.answer["flipped"]
    assert f"baseline reads {was} (" in draw.canvas.answer["words"]
    assert f"optimized reads {now} (" in draw.canvas.answer["words"]


def test_the_tab_opens_on_a_sample_that_the_first_stroke_replaces(draw, digits):
    place = int(np.flatnonzero(digits.run(Recipe()).labels == 0)[0])
    assert draw.canvas.pixels == picture(digits, place)
    assert (
        draw.canvas.about == f"A sample, exploration image {place}, truth 0. Draw your own over it."
    )
    assert draw.canvas.sample
    draw.canvas.pixels = bytes([255]) * 784
    assert not draw.canvas.sample
    draw.looked_at = False
    draw.clear.click()
    draw.looked_at = True
    assert draw.canvas.pixels == EMPTY  # once only
    assert not draw.canvas.sample


def test_an_empty_canvas_has_no_bars(draw, digits):
    draw.clear.click()
    assert draw.canvas.answer == {}
    draw.canvas.pixels = picture(digits, 0)
    assert draw.canvas.answer
    draw.clear.click()
    assert draw.canvas.pixels == EMPTY
    assert draw.canvas.answer == {}


def test_nothing_is_read_while_nobody_looks(digits):
    view = DigitCanvas(Session(digits))
    view.canvas.pixels = picture(digits, 0)
    view.session.recipe = Recipe(sparsity=0.5)
    assert view.canvas.answer == {}
    view.looked_at = True
    assert view.canvas.answer["words"]


def test_real_images_are_taken_class_after_class(draw, digits):
    draw.take.click()
    place = int(np.flatnonzero(digits.run(Recipe()).labels == 1)[0])
    assert draw.canvas.pixels == picture(digits, place)
    assert draw.canvas.about == f"exploration image {place}, truth 1"
    for _ in range(9):
        draw.take.click()
    assert draw.canvas.about.endswith("truth 0")
    assert draw.canvas.about != "exploration image 0, truth 0"


def test_a_stroke_on_a_real_image_makes_it_the_learners_own(draw):
    draw.take.click()
    draw.canvas.pixels = bytes([255]) * 784
    assert draw.canvas.about == ""


def test_colour_images_say_why_nothing_can_be_drawn():
    view = DigitCanvas(Session(Experiment.load("smear")))
    view.looked_at = True
    view.canvas.pixels = bytes([255]) * 784
    assert "32 x 32" in view.canvas.reason
    assert view.canvas.answer == {}
    assert view.take.disabled


def test_another_case_and_back_can_be_drawn_on_again():
    session = Session()
    view = DigitCanvas(session)
    view.looked_at = True
    session.case = "smear"
    assert view.canvas.reason
    session.case = "digits"
    view.take.click()
    assert view.canvas.reason == ""
    assert view.canvas.answer["words"]


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("pixels", bytes(783), "784 bytes"),
        ("pixels", memoryview(bytes(785)), "not 785"),
        ("pixels", memoryview(np.zeros(784)), "not 6272"),
        ("pixels", [0] * 784, "not a list"),
        ("pixels", "0" * 784, "not a str"),
        ("answer", {}, "cannot be set"),
        ("_esm", "alert(1)", "cannot be set"),
    ],
)
def test_what_no_hand_can_draw_is_refused(trait, value, words):
    with pytest.raises(TraitError, match=words):
        Canvas().check_user_input(trait, value)


def test_a_drawing_from_the_page_arrives_and_a_forged_one_does_not(digits):
    explorer = Explorer(digits)
    canvas = explorer.classroom.draw.canvas
    canvas.set_state({"pixels": memoryview(bytes([7]) * 784)})
    assert canvas.pixels == bytes([7]) * 784
    canvas.set_state({"pixels": memoryview(bytes(9))})
    assert canvas.pixels == bytes([7]) * 784
    assert "784 bytes" in explorer.feed.message


def test_the_tab_of_the_explorer_follows_only_while_open(digits):
    explorer = Explorer(digits)
    explorer.classroom.draw.canvas.pixels = picture(digits, 3)
    explorer.controls.sparsity.value = 50
    assert explorer.classroom.draw.canvas.answer == {}
    explorer.tabs.selected_index = explorer.tabs.titles.index("Draw")
    assert explorer.classroom.draw.canvas.answer["words"].startswith("Both read 0")
