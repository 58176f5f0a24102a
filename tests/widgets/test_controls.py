"""The hand: every position of the controls spells a recipe that runs."""

import itertools

import pytest
from ipywidgets import Button, Dropdown, IntSlider, SelectionSlider, ToggleButtons

from optiwidgets import Recipe
from optiwidgets.engine.recipe import BIT_WIDTHS
from optiwidgets.widgets.controls import CHOICES_SHOWN, Controls


def test_the_controls_are_stock_widgets_with_the_names_of_the_field():
    controls = Controls()
    assert type(controls.sparsity) is IntSlider
    assert type(controls.bits) is SelectionSlider
    assert type(controls.reset) is Button
    assert {type(buttons) for buttons in controls.choices.values()} == {ToggleButtons}
    assert (controls.sparsity.description, controls.bits.description) == ("Sparsity", "Bit-width")


def test_untouched_controls_spell_the_baseline():
    assert Controls().recipe() == Recipe()


def test_the_slider_works_in_whole_percent_and_divides_once():
    controls = Controls()
    controls.sparsity.value = 30
    assert controls.recipe() == Recipe(sparsity=30 / 100)


@pytest.mark.parametrize("sparsity", [0, 1, 37, 50, 90, 98, 99])
def test_every_combination_of_choices_spells_a_valid_recipe(sparsity):
    controls = Controls()
    controls.sparsity.value = sparsity
    options = [choice.values for choice in CHOICES_SHOWN]
    for bits, *values in itertools.product(BIT_WIDTHS, *options):
        controls.bits.value = bits
        for choice, value in zip(CHOICES_SHOWN, values, strict=True):
            controls.choices[choice.field].value = value
        recipe = controls.recipe()
        assert (recipe.bits, recipe.pruning) == (bits, values[0])
        assert recipe.sparsity == sparsity / 100


@pytest.mark.parametrize(
    ("bits", "disabled", "reason"),
    [
        (32, {"grain", "scheme", "clip"}, "floats"),
        (16, {"grain", "scheme", "clip"}, "floats"),
        (8, set(), ""),
        (1, {"scheme", "clip"}, "always symmetric"),
    ],
)
def test_what_has_nothing_to_act_on_is_disabled_with_a_reason(bits, disabled, reason):
    controls = Controls()
    controls.bits.value = bits
    assert {f for f, buttons in controls.choices.items() if buttons.disabled} == disabled
    assert reason in controls.note.value
    assert bool(controls.note.value) == bool(disabled)


def test_one_bit_sets_affine_aside_and_more_bits_bring_it_back():
    controls = Controls()
    controls.bits.value, controls.choices["scheme"].value = 2, "affine"
    controls.bits.value = 1
    assert controls.recipe().scheme == "symmetric"
    controls.bits.value = 3
    assert controls.recipe().scheme == "affine"


def test_showing_a_recipe_moves_the_handles_to_it():
    asked = Recipe(sparsity=0.45, bits=5, pruning="layer", grain="channel", clip="mse")
    controls = Controls()
    controls.show(asked)
    assert controls.recipe() == asked
    assert controls.says(asked)
    assert not controls.says(Recipe(sparsity=0.451, bits=5))


def test_settings_are_what_the_browser_calls_the_positions():
    controls = Controls()
    controls.sparsity.value, controls.bits.value = 12, 3
    assert controls.settings()[:2] == [12, BIT_WIDTHS.index(3)]
    assert controls.handle_keys[:3] == ["value", "index", "index"]


def test_the_model_is_chosen_in_a_stock_dropdown(explorer):
    assert type(explorer.model) is Dropdown
