"""Controls: every position stands for a recipe that runs."""

import itertools
import random

import pytest
from ipywidgets import Button, Dropdown, IntSlider, SelectionSlider, ToggleButtons
from traitlets import TraitError

from optiwidgets.engine.execution.progress import Progress
from optiwidgets.engine.types.recipe import (
    BIT_WIDTHS,
    BY_TRAINING,
    CHANNEL_SCORES,
    N_OF_M,
    WEIGHT_SCORES,
    Recipe,
)
from optiwidgets.widgets.controls.fold import GROUPS
from optiwidgets.widgets.controls.recipe_controls import Controls
from optiwidgets.widgets.explorer.explorer import Explorer

IN_SIGHT = {"pruning", "granularity", "rounding"}


def test_the_controls_are_stock_widgets_with_the_names_of_the_field():
    controls = Controls()
    assert type(controls.sparsity) is IntSlider
    assert type(controls.bits) is SelectionSlider
    assert type(controls.reset) is Button
    for field, handle in controls.choices.items():
        assert type(handle) is (ToggleButtons if field in IN_SIGHT else Dropdown), field
    assert (controls.sparsity.description, controls.bits.description) == ("Sparsity", "Bit-width")
    assert controls.tune.description == "Fine-tune"


def test_untouched_controls_spell_the_baseline():
    assert Controls().recipe() == Recipe()


def test_the_slider_works_in_whole_percent_and_divides_once():
    controls = Controls()
    controls.sparsity.value = 30
    assert controls.recipe() == Recipe(sparsity=30 / 100)


def values(controls, field):
    return [value for _, value in controls.choices[field].options]


def check(controls):
    """Check that the handles' recipe has their values and runs, trained or not."""
    recipe, chosen = controls.recipe(), {f: h.value for f, h in controls.choices.items()}
    own = N_OF_M.get(chosen["pruning"])
    assert recipe.sparsity == (controls.sparsity.value / 100 if own is None else own)
    assert controls.sparsity.value == round(100 * recipe.sparsity)
    assert recipe.bits == controls.bits.value
    aside = {field for field, value in chosen.items() if getattr(recipe, field) != value}
    assert aside <= {"scheme", "rounding"}
    assert bool(aside) <= bool(controls.note.value)
    assert controls.says(recipe)
    trained = controls.trained()
    assert (trained is None) == (controls.training.value == "qat" and recipe.bits >= 16)
    assert controls.tune.disabled == (trained is None)
    assert trained is None or controls.says(trained)


def test_every_combination_of_what_hangs_together_spells_a_valid_recipe():
    controls, deal = Controls(), random.Random(4)
    fields = ("pruning", "scheme", "rounding")
    options = [values(controls, field) for field in fields]
    for bits, *chosen in itertools.product(BIT_WIDTHS, *options):
        controls.bits.value = bits
        for field, value in zip(fields, chosen, strict=True):
            controls.choices[field].value = value
        for field in ("score", "granularity", "clip", "recovery"):
            controls.choices[field].value = deal.choice(values(controls, field))
        controls.sparsity.value = deal.randrange(100)
        controls.training.value = deal.choice(BY_TRAINING)
        check(controls)
        assert controls.recipe().pruning == chosen[0]


def test_every_score_can_be_given_wherever_it_is_offered():
    controls = Controls()
    for pruning in values(controls, "pruning"):
        controls.choices["pruning"].value = pruning
        known = CHANNEL_SCORES if pruning == "channel" else WEIGHT_SCORES
        assert tuple(values(controls, "score")) == known
        for sparsity, score in itertools.product((0, 50, 99), known):
            controls.sparsity.value, controls.choices["score"].value = sparsity, score
            check(controls)
            assert controls.recipe().score == score


def test_whatever_way_handles_are_moved_no_position_raises():
    controls, deal = Controls(), random.Random(5)
    handles = [*controls.choices.values(), controls.bits, controls.activation_bits]
    for _ in range(1500):
        if deal.random() < 0.2:
            controls.sparsity.value = deal.randrange(100)
        handle = deal.choice([*handles, controls.training])
        handle.value = deal.choice([value for _, value in _pairs(handle)])
        check(controls)


def _pairs(handle):
    return [option if isinstance(option, tuple) else (option, option) for option in handle.options]


@pytest.mark.parametrize(
    ("before", "pruning", "after"),
    [
        ("lamp", "layer", "lamp"),
        ("lamp", "channel", "magnitude"),
        ("random", "channel", "random"),
        ("magnitude", "channel", "magnitude"),
    ],
)
def test_the_score_stays_where_it_is_still_valid(before, pruning, after):
    controls = Controls()
    controls.choices["score"].value = before
    controls.choices["pruning"].value = pruning
    assert controls.choices["score"].value == after


def test_a_channels_score_gives_way_to_magnitude_where_single_weights_go():
    controls = Controls()
    controls.choices["pruning"].value = "channel"
    controls.choices["score"].value = "l2"
    controls.choices["pruning"].value = "2:4"
    assert controls.recipe() == Recipe(pruning="2:4")


@pytest.mark.parametrize(("pattern", "percent"), [("2:4", 50), ("1:4", 75)])
def test_a_pattern_moves_the_slider_to_its_own_sparsity_and_keeps_it_there(pattern, percent):
    controls = Controls()
    controls.sparsity.value = 90
    controls.choices["pruning"].value = pattern
    assert (controls.sparsity.value, controls.sparsity.disabled) == (percent, True)
    assert f"{pattern} keeps {pattern[0]} of every 4 weights" in controls.note.value
    controls.sparsity.value = 20  # no user can, but a page might
    assert controls.sparsity.value == percent
    controls.choices["pruning"].value = "global"
    assert (controls.sparsity.value, controls.sparsity.disabled) == (90, False)
    assert "every 4" not in controls.note.value


@pytest.mark.parametrize(
    ("bits", "scheme", "disabled", "reason"),
    [
        (32, "symmetric", set(), "32 bits are floats: codes and their scale act at 1 to 8"),
        (16, "ternary", set(), "16 bits are floats"),
        (8, "symmetric", set(), ""),
        (1, "affine", {"scheme", "clip"}, "always symmetric"),
        (4, "codebook", {"granularity", "clip", "rounding"}, "no scale, range or GPTQ"),
        (2, "ternary", {"clip"}, "find their own range"),
        (3, "ternary", set(), "Ternary codes take 2 bits; these are symmetric"),
    ],
)
def test_what_is_impossible_is_disabled_and_what_waits_is_explained(bits, scheme, disabled, reason):
    controls = Controls()
    controls.choices["scheme"].value, controls.bits.value = scheme, bits
    idle = {f: handle.tooltip for f, handle in controls.choices.items() if handle.disabled}
    assert idle.keys() == disabled
    assert all(idle.values())
    assert reason in controls.note.value
    assert bool(controls.note.value) == bool(reason)


@pytest.mark.parametrize(("scheme", "bits"), [("affine", 1), ("ternary", 1), ("ternary", 3)])
def test_other_bits_set_a_scheme_aside_and_two_bring_it_back(scheme, bits):
    controls = Controls()
    controls.bits.value, controls.choices["scheme"].value = 2, scheme
    controls.bits.value = bits
    assert controls.recipe().scheme == "symmetric"
    controls.bits.value = 2
    assert controls.recipe().scheme == scheme


def test_a_codebook_sets_gptq_aside_and_other_codes_bring_it_back():
    controls = Controls()
    controls.bits.value = 4
    controls.choices["rounding"].value, controls.choices["scheme"].value = "gptq", "codebook"
    assert controls.recipe() == Recipe(bits=4, scheme="codebook")
    controls.choices["scheme"].value = "symmetric"
    assert controls.recipe() == Recipe(bits=4, rounding="gptq")


def test_the_button_asks_for_the_training_chosen_and_says_which():
    controls = Controls()
    controls.sparsity.value = 80
    assert controls.trained() == Recipe(sparsity=0.8, recovery="finetune")
    controls.training.value = "iterative"
    assert controls.tune.description == "Train in steps"
    assert controls.trained() == Recipe(sparsity=0.8, recovery="iterative")


def test_training_as_it_is_rounded_needs_codes_and_says_so():
    controls = Controls()
    controls.training.value = "qat"
    assert controls.tune.disabled
    assert "training and codes take 1 to 8 bits" in controls.note.value
    assert controls.trained() is None
    controls.bits.value = 8
    assert not controls.tune.disabled
    assert "takes 1 to 8 bits" not in controls.note.value
    assert controls.trained() == Recipe(bits=8, recovery="qat")


def test_while_something_runs_cancel_is_open_and_the_button_is_not():
    controls = Controls()
    controls.show_progress(Progress(0.5, "layer 3 of 5"))
    assert (controls.cancel.disabled, controls.tune.disabled) == (False, True)
    assert controls.progress.description == "layer 3 of 5"
    controls.bits.value = 3
    assert controls.tune.disabled
    controls.show_progress(None)
    assert (controls.cancel.disabled, controls.tune.disabled) == (True, False)
    assert controls.progress.description == ""


@pytest.mark.parametrize(
    "asked",
    [
        Recipe(sparsity=0.45, bits=5, pruning="layer", granularity="channel", clip="mse"),
        Recipe(pruning="1:4", score="obs", recovery="sequential"),
        Recipe(sparsity=0.3, pruning="channel", score="l2", recovery="bias"),
        Recipe(bits=2, scheme="ternary", rounding="gptq"),
        Recipe(bits=1, sparsity=0.5, recovery="refit"),
        Recipe(bits=4, activation_bits=4, rounding="gptq"),
    ],
    ids=str,
)
def test_showing_a_recipe_moves_the_handles_to_it(asked):
    controls = Controls()
    controls.choices["pruning"].value, controls.choices["score"].value = "2:4", "wanda"
    controls.show(asked)
    assert controls.recipe() == asked
    assert controls.says(asked)
    assert not controls.says(Recipe(sparsity=0.451, bits=5))
    controls.show(Recipe())
    assert controls.recipe() == Recipe()


def test_a_trained_recipe_moves_win_back_to_nothing_and_names_the_training():
    controls = Controls()
    controls.choices["recovery"].value = "refit"
    controls.show(trained := Recipe(sparsity=0.5, bits=8, recovery="qat"))
    assert (controls.choices["recovery"].value, controls.training.value) == ("none", "qat")
    assert controls.says(trained)


@pytest.mark.parametrize(
    "asked",
    [Recipe(pruning="channel", score="obs"), Recipe(sparsity=0.5, layers=(("head", 0.2, 8),))],
    ids=str,
)
def test_what_no_handle_can_say_is_left_as_it_is(asked):
    controls = Controls()
    controls.show(asked)
    assert not controls.says(asked)
    check(controls)


def test_what_cannot_be_done_to_a_model_is_taken_away_and_the_rest_stays():
    controls = Controls()
    controls.choices["pruning"].value = "2:4"
    controls.limit({"channel": "No channels here."})
    assert values(controls, "pruning") == ["global", "layer", "2:4", "1:4"]
    assert controls.choices["pruning"].value == "2:4"
    assert "No channels here." in controls.note.value


def test_a_score_that_a_model_cannot_have_is_taken_away_where_it_would_be_offered():
    controls = Controls()
    controls.choices["pruning"].value = "channel"
    controls.choices["score"].value = "bn-scale"
    controls.limit({"bn-scale": "Layer 'deep' has no BatchNorm."})
    assert values(controls, "score") == [s for s in CHANNEL_SCORES if s != "bn-scale"]
    assert controls.recipe() == Recipe(pruning="channel")
    assert "Layer &#x27;deep&#x27; has no BatchNorm." in controls.note.value
    controls.choices["pruning"].value = "layer"
    assert tuple(values(controls, "score")) == WEIGHT_SCORES
    assert controls.note.value.count("BatchNorm") == 0
    controls.choices["pruning"].value = "channel"
    assert "no BatchNorm" in controls.note.value
    controls.limit({})
    assert tuple(values(controls, "score")) == CHANNEL_SCORES


@pytest.mark.parametrize(
    ("pruning", "score", "label", "line"),
    [
        ("global", "magnitude-folded", "magnitude, folded", "after BatchNorm was multiplied into"),
        ("2:4", "lamp-folded", "LAMP, folded", "after BatchNorm was multiplied into them"),
        ("channel", "bn-scale", "BatchNorm scale", "smallest BatchNorm scale first"),
        ("channel", "magnitude", "magnitude", ""),
    ],
)
def test_a_score_whose_name_does_not_say_it_is_explained_beside_it(pruning, score, label, line):
    controls = Controls()
    controls.choices["pruning"].value = pruning
    controls.choices["score"].value = score
    assert controls.choices["score"].label == label
    assert line in controls.choices["score"].tooltip
    assert bool(controls.choices["score"].tooltip) == bool(line)


def test_notes_are_about_the_controls_in_sight():
    controls = Controls()
    controls.unlock(["sparsity", "bits"])
    assert controls.note.value == ""
    controls.unlock(["bits", "rounding"])
    assert "32 bits are floats" in controls.note.value


def test_nothing_is_greyed_out_on_arrival():
    controls = Controls()
    assert [handle for handle in (*controls.handles, controls.training) if handle.disabled] == []
    assert not controls.tune.disabled


def test_only_the_two_sliders_are_open_on_arrival():
    controls = Controls()
    folded = {name for group in GROUPS.values() for name in group.folded_rows}
    assert {*controls.rows} - folded == {"sparsity", "bits"}
    assert [fold.value for fold in controls.folds.values()] == [False] * 3
    for name, group in GROUPS.items():
        for row in controls.rows.keys() & {*group.folded_rows}:
            assert all(f"ow-in-{name}" in widget._dom_classes for widget in controls.rows[row])


def test_headings_stand_above_the_rows_of_their_groups():
    controls = Controls()
    places = {widget: place for place, widget in enumerate(controls.children)}
    for name, group in GROUPS.items():
        rows = [places[controls.rows[row][0]] for row in group.rows if row in controls.rows]
        assert rows == sorted(rows)
        assert places[controls.folds[name]] == rows[0] - 1


@pytest.mark.parametrize(
    ("recipe", "opened", "said"),
    [
        (Recipe(sparsity=0.5, bits=4), set(), {""}),
        (Recipe(score="lamp"), {"remove"}, {"LAMP"}),
        (Recipe(pruning="2:4", sparsity=0.5), {"remove"}, {"2:4"}),
        (Recipe(bits=2, scheme="ternary", clip="mse"), {"bits"}, {"ternary, MSE"}),
        (Recipe(activation_bits=8), {"bits"}, {"8-bit activations"}),
        (Recipe(recovery="refit"), {"recover"}, {"refit"}),
        (Recipe(recovery="finetune"), {"recover"}, {"fine-tune"}),
    ],
    ids=str,
)
def test_a_recipe_opens_the_groups_whose_controls_it_uses(digits, recipe, opened, said):
    explorer = Explorer(digits)
    explorer.session.recipe = recipe
    folds = explorer.controls.folds
    assert {name for name, fold in folds.items() if fold.value} == opened
    assert {folds[name].summary for name in opened} == said - {""}
    explorer.controls.open_all(False)
    assert {fold.summary for fold in folds.values()} - {""} == said - {""}
    explorer.controls.reset.click()
    assert {fold.summary for fold in folds.values()} == {""}


def test_a_position_that_a_user_changes_stands_in_the_heading_and_folds_nothing():
    controls = Controls()
    controls.folds["bits"].value = True
    controls.choices["granularity"].value = "channel"
    assert controls.folds["bits"].summary == "scale per channel"
    assert controls.folds["bits"].value
    controls.show(Recipe())
    assert (controls.folds["bits"].summary, controls.folds["bits"].value) == ("", True)


def test_all_controls_can_be_opened_from_the_start(digits):
    assert all(fold.value for fold in Explorer(digits, controls="all").controls.folds.values())
    lesson = Explorer(digits, unlock=["sparsity", "score"]).controls
    assert all(fold.value for fold in lesson.folds.values())
    assert {fold.layout.display for fold in lesson.folds.values()} == {"none"}
    with pytest.raises(ValueError, match="controls is one of few, all, not 'most'"):
        Explorer(digits, controls="most")


def test_a_page_may_fold_and_unfold_and_do_nothing_else():
    fold = Controls().folds["remove"]
    fold.check_user_input("value", True)
    for trait, value in (("value", 1), ("value", "yes"), ("title", "Hi"), ("summary", "")):
        with pytest.raises(TraitError):
            fold.check_user_input(trait, value)


def test_notes_about_folded_rows_fold_with_them_and_others_do_not():
    controls = Controls()
    assert '<span class="ow-in-bits">32 bits are floats' in controls.note.value
    controls.choices["pruning"].value = "2:4"
    assert "<span>2:4 keeps 2" in controls.note.value
    controls.bits.value, controls.choices["scheme"].value = 3, "ternary"
    assert "<span>Ternary codes take 2 bits" in controls.note.value


def test_settings_are_what_the_browser_calls_the_positions():
    controls = Controls()
    controls.sparsity.value, controls.bits.value = 12, 3
    assert controls.settings()[:2] == [12, BIT_WIDTHS.index(3)]
    assert controls.handle_keys[:3] == ["value", "index", "index"]


def test_the_model_is_chosen_in_a_stock_dropdown(explorer):
    assert type(explorer.model) is Dropdown


def test_behind_a_pattern_the_slider_stands_where_it_stood():
    controls = Controls()
    controls.sparsity.value = 89
    for pattern, own in (("2:4", 50), ("1:4", 75)):
        controls.choices["pruning"].value = pattern
        assert controls.sparsity.value == own
    controls.choices["pruning"].value = "layer"
    assert controls.recipe() == Recipe(sparsity=0.89, pruning="layer")
    controls.choices["pruning"].value = "2:4"
    controls.show(Recipe())
    assert controls.recipe() == Recipe()
