"""Explorer without a browser: set a control, read the data that would be drawn."""

import base64
import json
import os
import subprocess
import sys
import threading

import pytest
import torch
from ipywidgets import Widget
from ipywidgets.widgets import widget as registry

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.execution.progress import Progress
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.background import no_work
from optiwidgets.widgets.base.panel import View
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.explorer.status_text import status_text


def test_moving_the_sliders_shows_what_running_the_recipe_gives(explorer, digits):
    explorer.controls.sparsity.value = 80
    explorer.controls.bits.value = 4
    report = digits.run(Recipe(sparsity=0.8, bits=4))
    shown = explorer.feed.data
    assert shown["optimized"]["counts"] == report.confusion.counts.astype("<i4").tobytes()
    assert shown["optimized"]["bytes"] == report.size.total_bytes
    assert shown["recipe"]["sparsity"] == 0.8
    assert explorer.feed.state == "fresh"


def test_the_settings_sent_are_those_behind_the_picture(explorer):
    explorer.controls.sparsity.value = 55
    where = [explorer.model.index, explorer.case.index]
    assert explorer.feed.data["settings"] == [*explorer.controls.settings(), *where]


def test_running_is_announced_only_where_no_hand_moved(explorer, messages):
    explorer.controls.sparsity.value = 20
    assert messages == [{"data"}]
    messages.clear()
    explorer.session.recipe = Recipe(sparsity=0.3)
    assert messages[0] == {"state"}
    assert messages[1] >= {"data", "state"}


def test_a_choice_with_nothing_to_act_on_leaves_the_picture_fresh(explorer):
    explorer.controls.bits.value = 1
    before = explorer.session.report
    explorer.controls.choices["scheme"].value = "affine"
    assert explorer.session.report is before
    assert explorer.feed.state == "fresh"
    assert explorer.feed.data["settings"] == explorer.positions()


def test_reset_returns_to_the_baseline_in_one_run(explorer):
    explorer.controls.sparsity.value = 90
    explorer.controls.choices["pruning"].value = "layer"
    runs = []
    explorer.session.observe(lambda c: runs.append(c.new), "busy")
    explorer.controls.reset.click()
    assert explorer.session.recipe == Recipe()
    assert runs == [True, False]
    assert explorer.feed.data["optimized"] == explorer.feed.data["baseline"]


def test_a_recipe_set_by_code_moves_the_handles(explorer):
    explorer.session.recipe = Recipe(sparsity=0.4, bits=6)
    assert (explorer.controls.sparsity.value, explorer.controls.bits.value) == (40, 6)
    assert explorer.feed.state == "fresh"
    assert explorer.feed.message == ""


def test_a_recipe_the_handles_cannot_spell_is_named_on_screen(explorer):
    explorer.session.recipe = Recipe(sparsity=0.4, score="random", seed=7)
    assert "seed=7" in explorer.feed.message
    assert explorer.feed.data["recipe"]["seed"] == 7


def test_a_clamp_shows_the_value_used(explorer):
    explorer.controls.choices["pruning"].value = "channel"
    explorer.controls.sparsity.value = 99
    removed, channels = explorer.session.report.removed_channels
    assert (removed, channels) == (116, 120)
    assert "99% asked, 96.7% of channels removed (116 of 120)" in explorer.feed.message


def test_a_failed_run_is_an_error_beside_the_old_numbers(explorer, monkeypatch):
    explorer.controls.sparsity.value = 10
    old = explorer.feed.data["optimized"]

    def broken(self, recipe):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Experiment, "run", broken)
    explorer.controls.sparsity.value = 11
    assert explorer.feed.state == "error"
    assert "out of luck" in explorer.feed.message
    assert explorer.feed.data["optimized"] == old
    assert explorer.feed.data["recipe"]["sparsity"] == 0.1


def test_a_refusal_stays_until_a_handle_moves(explorer):
    explorer.refuse("Sparsity: refused 500")
    explorer.repaint()  # such as after a measurement
    assert (explorer.feed.alarm, explorer.feed.message) == (True, "Sparsity: refused 500")
    explorer.controls.sparsity.value = 31
    assert not explorer.feed.alarm
    assert "refused" not in explorer.feed.message


def test_without_an_experiment_both_models_can_be_chosen():
    explorer = Explorer()
    assert explorer.model.options == ("small", "wide")
    small = explorer.feed.data["baseline"]["bytes"]
    explorer.model.value = "wide"
    assert explorer.feed.data["baseline"]["bytes"] > 3 * small
    assert explorer.feed.state == "fresh"


def test_a_saved_notebook_shows_headline_and_matrices(explorer, monkeypatch):
    explorer.controls.sparsity.value = 60
    bundle = explorer._repr_mimebundle_()
    report, html = explorer.session.report, bundle["text/html"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert f"Accuracy {100 * report.confusion.accuracy:.1f} % on 1,500 images" in html
    assert f"{report.size.total_bytes:,} bytes" in html
    assert f'src="data:image/png;base64,{bundle["image/png"]}"' in html
    assert "run this cell" in html
    assert sum(len(str(part)) for part in bundle.values()) < 60_000
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")  # whose pages have a kernel: no wait for it
    assert "image/png" not in explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_saved_notebook_does_not_show_what_an_activity_covers(explorer):
    explorer.classroom.activities.blind.click()
    bundle = explorer._repr_mimebundle_()
    assert "image/png" not in bundle
    assert "covered" in bundle["text/html"]
    assert "Accuracy" not in bundle["text/html"]


def rest(explorer, job):
    """Run an idle job of the slow lane, by its index."""
    work, done = explorer.session.on_idle[job](explorer.session.report)
    result = work(lambda: False)
    done(result)
    return result


def test_the_waterfall_is_made_in_the_background_when_its_tab_is_open(explorer):
    explorer.controls.sparsity.value = 90
    assert rest(explorer, 1) is None
    explorer.tabs.selected_index = explorer.tabs.titles.index("Size and speed")
    account = rest(explorer, 1)
    assert explorer.waterfall.data == account
    assert account["steps"][-1]["bytes"] == explorer.session.report.size.total_bytes


def test_the_figure_and_the_files_are_made_in_the_background_when_their_tab_is_open(explorer):
    assert rest(explorer, 2) is None  # the tab is closed
    explorer.tabs.selected_index = explorer.tabs.titles.index("Figure")
    rest(explorer, 2)
    assert bytes(explorer.downloads.figure.value).startswith(b"\x89PNG")
    for name in ("png", "svg", "owz", "onnx"):
        assert f'download="optiwidgets.{name}"' in explorer.downloads.links.value


def test_repr_does_not_list_every_child(explorer):
    assert len(repr(explorer)) < 300


BAD = ["abc", float("nan"), float("inf"), None, [], {}, "1e999", [1] * 10**6, "x" * 10**6, 1e300]

HANDLES = ["sparsity", "bits", "pruning", "score", "rounding", "recovery", "training", "tune"]
HANDLES += ["reset", "model", "feed", "tabs"]


@pytest.mark.parametrize("bad", BAD, ids=lambda b: repr(b)[:12])
@pytest.mark.parametrize("name", HANDLES)
def test_no_message_from_a_page_can_break_a_control(explorer, name, bad):
    explorer.controls.sparsity.value = 25
    widgets = {**explorer.controls.choices, **vars(explorer.controls), **vars(explorer)}
    widget, shown = widgets[name], explorer.feed.data
    for trait in sorted(set(widget.keys) - {"_view_count", "message", "alarm"}):
        before = getattr(widget, trait)
        widget.set_state({trait: bad})
        assert getattr(widget, trait) is before or getattr(widget, trait) == before, trait
    assert explorer.feed.data == shown
    assert explorer.feed.state == "fresh"
    assert 0 < len(explorer.feed.message) < 400
    assert explorer.feed.alarm


def test_what_a_hand_can_do_is_let_through(explorer):
    explorer.controls.sparsity.set_state({"value": 42})
    explorer.controls.bits.set_state({"index": 3})
    assert explorer.session.recipe == Recipe(sparsity=0.42, bits=4)
    assert explorer.feed.message == ""


def test_an_index_out_of_range_is_refused_with_a_reason(explorer):
    explorer.controls.bits.set_state({"index": 99})
    assert explorer.controls.bits.value == 32
    assert "Bit-width: refused" in explorer.feed.message


def test_the_policy_changes_the_verdict_of_the_same_report(explorer):
    explorer.controls.sparsity.value = 97
    assert explorer.feed.data["verdict"]["grade"] == "bad"
    assert explorer.feed.data["verdict"]["policy"] == "mobile app"
    explorer.policy.value = Policy.MEDICAL
    assert explorer.feed.data["verdict"]["policy"] == "medical image"
    assert explorer.feed.state == "fresh"


def test_a_case_in_which_a_miss_counts_more_has_the_policy_of_a_medical_image():
    explorer = Explorer()
    explorer.case.value = "smear-fields"
    assert explorer.policy.value is Policy.MEDICAL
    assert explorer.feed.data["verdict"]["policy"] == "medical image"
    assert explorer.session.report.class_names[explorer.session.report.positive] == "parasitized"
    explorer.case.value = "digits"
    assert explorer.policy.value is Policy.MOBILE
    own = Explorer(explorer.session.cases["smear-fields"]["center"]())
    assert own.policy.value is Policy.MEDICAL


def test_until_speed_is_measured_the_verdict_says_so(explorer):
    explorer.controls.bits.value = 8
    assert explorer.feed.data["latency"] is None
    assert explorer.feed.data["verdict"]["reasons"][0] == "speed not measured yet"


def test_a_measured_report_is_shown_with_its_control_run(explorer):
    explorer.controls.sparsity.value = 95
    rest(explorer, -1)
    shown = explorer.feed.data["latency"]
    assert shown["low"] <= shown["ratio"] <= shown["high"]
    assert len(shown["control"]) == 3
    assert shown["batch"]["threads"] == 1
    assert explorer.feed.data["agreement"] == explorer.session.report.agreement > 0.99
    assert explorer.feed.state == "fresh"


def test_progress_is_on_screen_and_cancel_is_open_only_meanwhile(explorer):
    explorer.session.progress = Progress(0.5, "epoch 3 of 5, loss 0.25", 1.6)
    assert "epoch 3 of 5, loss 0.25, 2 s left" in explorer.controls.progress.description
    assert not explorer.controls.cancel.disabled
    explorer.controls.cancel.click()
    assert explorer.controls.cancel.disabled
    assert not explorer.controls.tune.disabled


def test_a_fine_tuned_report_says_so_and_the_next_move_starts_from_the_untouched_model(explorer):
    explorer.controls.sparsity.value = 80
    explorer.session.adopt(
        explorer.session.experiment.run(Recipe(sparsity=0.8, recovery="finetune"))
    )
    assert explorer.feed.data["recipe"]["recovery"] == "finetune"
    assert "Fine-tuned" in explorer.feed.message
    assert explorer.feed.state == "fresh"
    explorer.controls.sparsity.value = 81
    assert explorer.feed.data["recipe"]["recovery"] == "none"


def test_int8_shows_the_runtimes_own_predictions_and_names_the_simulation(explorer):
    explorer.controls.bits.value = 8
    explorer.controls.activation_bits.value = 8
    assert explorer.feed.data["recipe"]["activation_bits"] == 8
    assert "int8 runtime's own predictions" in explorer.feed.message


def test_what_was_fine_tuned_stays_so_while_only_its_codes_change(explorer):
    explorer.controls.sparsity.value = 80
    explorer.session.adopt(
        explorer.session.experiment.run(Recipe(sparsity=0.8, recovery="finetune"))
    )
    explorer.controls.bits.value = 5
    assert explorer.session.recipe == Recipe(sparsity=0.8, bits=5, recovery="finetune")
    assert "then rounded to codes" in explorer.feed.message
    explorer.controls.sparsity.value = 79
    assert explorer.session.recipe == Recipe(sparsity=0.79, bits=5)
    assert "Not fine-tuned: for these weights, press Fine-tune again." in explorer.feed.message
    explorer.controls.sparsity.value = 78
    assert explorer.feed.message == ""


def test_reset_ends_fine_tuning_too(explorer):
    explorer.session.adopt(explorer.session.experiment.run(Recipe(recovery="finetune")))
    explorer.controls.reset.click()
    assert explorer.session.recipe == Recipe()


def test_what_cannot_be_done_to_a_model_is_not_offered_and_says_why(toy):
    class Residual(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.enter = torch.nn.Conv2d(2, 4, 3, padding=1)
            self.around = torch.nn.Conv2d(4, 4, 3, padding=1)
            self.head = torch.nn.Linear(4, 3)

        def forward(self, images):
            entered = self.enter(images)
            return self.head((entered + self.around(entered)).softmax(1).mean((2, 3)))

    explorer = Explorer(Experiment(Residual(), toy))
    assert [value for _, value in explorer.controls.choices["pruning"].options] == [
        "global",
        "layer",
        "2:4",
        "1:4",
    ]
    assert "No channels can be removed" in explorer.controls.note.value
    explorer.controls.sparsity.value = 50
    assert explorer.feed.state == "fresh"


def test_a_layer_without_batchnorm_takes_its_scale_from_the_scores(own, toy):
    explorer = Explorer(own)
    explorer.controls.choices["pruning"].value = "channel"
    offered = dict(explorer.controls.choices["score"].options).values()
    assert list(offered) == ["magnitude", "random", "l2", "activation"]
    assert "Layer &#x27;deep&#x27; has no BatchNorm" in explorer.controls.note.value
    layers = [torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU()]
    layers += [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 3)]
    normed = Explorer(Experiment(torch.nn.Sequential(*layers).eval(), toy))
    normed.controls.choices["pruning"].value = "channel"
    normed.controls.choices["score"].value = "bn-scale"
    normed.controls.sparsity.value = 30
    assert normed.feed.state == "fresh"
    assert normed.session.report.recipe == Recipe(0.3, pruning="channel", score="bn-scale")


def wait(explorer):
    explorer.session.wait(300)


@pytest.fixture
def cold():
    """Explorer of an experiment without cached reports."""
    return Explorer(Experiment.load("digits"))


def test_what_takes_long_is_shown_without_first_then_whole(cold, digits):
    cold.controls.sparsity.value = 90
    cold.controls.choices["score"].value = "lamp"
    cold.controls.choices["recovery"].value = "sequential"
    assert cold.feed.state == "running"
    assert cold.feed.message == "Shown without refit; refitting layer by layer ..."
    assert cold.feed.data["recipe"]["recovery"] == "none"
    lamp = digits.run(Recipe(sparsity=0.9, score="lamp"))
    assert cold.feed.data["optimized"]["accuracy"] == lamp.confusion.accuracy
    wait(cold)
    recipe = Recipe(sparsity=0.9, score="lamp", recovery="sequential")
    assert cold.feed.state == "fresh"
    assert cold.feed.data["recipe"] == recipe.as_dict() | {"layers": []}
    assert cold.feed.data["optimized"]["accuracy"] == digits.run(recipe).confusion.accuracy
    assert "Refitted layer by layer" in cold.feed.message
    assert cold.feed.data["settings"] == cold.positions()


def test_cancel_says_what_was_not_done_and_a_move_goes_on(cold):
    cold.controls.choices["recovery"].value = "sequential"
    cold.controls.sparsity.value = 90
    cold.controls.cancel.click()
    assert cold.feed.state == "stale"
    assert cold.feed.message == "Not refitted: cancelled. Moving any handle tries again."
    assert cold.controls.cancel.disabled
    cold.controls.choices["clip"].value = "mse"
    assert cold.feed.state == "running"
    wait(cold)
    assert cold.feed.state == "fresh"


def test_a_cancelled_training_goes_on_at_the_button_or_is_left_by_a_move(cold):
    cold.controls.sparsity.value = 80
    cold.controls.tune.click()
    assert cold.feed.message == "Shown without fine-tuning; fine-tuning ..."
    cold.controls.cancel.click()
    assert cold.feed.state == "stale"
    assert "Not fine-tuned: cancelled. Press Fine-tune again" in cold.feed.message
    cold.controls.tune.click()
    assert cold.feed.state == "running"
    cold.controls.cancel.click()
    cold.controls.sparsity.value = 81
    assert (cold.feed.state, cold.session.recipe) == ("fresh", Recipe(sparsity=0.81))


def test_several_methods_left_out_are_all_named(cold):
    cold.session.recipe = Recipe(sparsity=0.5, bits=3, rounding="gptq", recovery="refit")
    said = "Shown without GPTQ and refit; rounding by GPTQ, refitting ..."
    assert cold.feed.message == said
    cold.session.cancel()
    assert "Not rounded by GPTQ. Not refitted: cancelled." in cold.feed.message


def test_what_fails_in_the_background_is_an_error_beside_the_stand_in(cold, monkeypatch):
    run = Experiment.run

    def broken(self, recipe, **others):
        if recipe.recovery == "refit":
            raise RuntimeError("no such inverse")
        return run(self, recipe, **others)

    monkeypatch.setattr(Experiment, "run", broken)
    cold.controls.choices["recovery"].value = "refit"
    cold.controls.sparsity.value = 70
    wait(cold)
    assert cold.feed.state == "error"
    assert "no such inverse" in cold.feed.message
    assert cold.feed.data["recipe"]["recovery"] == "none"
    assert cold.controls.cancel.disabled


def test_training_moves_win_back_to_nothing(cold):
    cold.controls.choices["recovery"].value = "bias"
    cold.controls.sparsity.value = 50
    cold.controls.bits.value = 4
    cold.controls.training.value = "qat"
    cold.controls.tune.click()
    assert cold.session.recipe == Recipe(sparsity=0.5, bits=4, recovery="qat")
    assert cold.controls.choices["recovery"].value == "none"
    assert cold.feed.state == "running"
    cold.session.cancel()


def test_training_for_codes_ends_where_codes_do(cold):
    trained = Recipe(sparsity=0.3, bits=4, recovery="qat")
    cold.session.adopt(cold.session.experiment.run(trained))
    assert "Trained on the training images as it is rounded" in cold.feed.message
    for bits in (5, 32):
        cold.session.recipe = trained
        cold.controls.bits.value = bits
        assert cold.session.recipe == Recipe(sparsity=0.3, bits=bits)
        assert "press Train rounded again" in cold.feed.message


def test_a_press_that_no_hand_can_make_does_nothing(explorer):
    explorer.controls.training.value = "qat"
    explorer.controls.tune.click()
    assert explorer.session.recipe == Recipe()


def test_winning_back_nothing_is_said(explorer):
    explorer.controls.choices["recovery"].value = "refit"
    assert explorer.feed.state == "fresh"
    assert "Nothing to win back" in explorer.feed.message


def test_a_pattern_says_how_many_weights_are_pruned_and_why_not_more(explorer):
    explorer.controls.choices["pruning"].value = "2:4"
    assert explorer.session.recipe == Recipe(sparsity=0.5, pruning="2:4")
    said = "2:4: 12,416 of 24,904 weights pruned (fewer than 4 inputs keep more)."
    assert said in explorer.feed.message


def test_one_hand_on_one_handle_is_one_run_whatever_it_moves_along(explorer):
    explorer.controls.choices["score"].value = "lamp"
    explorer.controls.sparsity.value = 70
    runs = []
    explorer.session.observe(lambda c: runs.append(c.new), "busy")
    explorer.controls.choices["pruning"].value = "channel"
    assert runs == [True, False]
    explorer.controls.choices["pruning"].value = "1:4"
    assert runs == 2 * [True, False]
    assert explorer.session.recipe == Recipe(pruning="1:4")


def test_overrides_for_layers_are_named_and_end_with_a_move(explorer):
    layers = ((next(iter(explorer.session.experiment._compressor.pruner.weights)), 0.2, None),)
    explorer.session.recipe = Recipe(sparsity=0.8, layers=layers)
    assert "Set by code: Recipe(sparsity=0.8, layers=" in explorer.feed.message
    assert explorer.feed.data["recipe"]["layers"] == list(layers)
    explorer.controls.sparsity.value = 81
    assert explorer.session.recipe == Recipe(sparsity=0.81)


def test_the_untouched_model_is_not_blamed(explorer):
    assert explorer.feed.data["verdict"]["reasons"][0] == "move a control to begin"


def test_a_view_knows_whether_its_tab_is_open() -> None:
    explorer = Explorer()
    view = View()
    explorer.tabs.children = (*explorer.tabs.children, view)
    explorer.tabs.selected_index = len(explorer.tabs.children) - 1
    assert view.looked_at
    explorer.tabs.selected_index = 0
    assert not view.looked_at


def test_a_first_part_is_shown_as_what_it_is_and_runs_on():
    explorer = Explorer(Experiment.load("digits", memory_mb=0), first=500)
    explorer.controls.sparsity.value = 60
    shown = explorer.feed.data
    assert (shown["images"], shown["out_of"], explorer.feed.state) == (500, 1500, "running")
    assert shown["recipe"]["sparsity"] == 0.6
    explorer.session.wait()
    shown = explorer.feed.data
    assert (shown["images"], shown["out_of"], explorer.feed.state) == (1500, 1500, "fresh")


class Unused(torch.nn.Module):
    """Classifier of the toy images with a layer that never runs."""

    def __init__(self):
        super().__init__()
        self.add_module("aux<1>", torch.nn.Linear(108, 5))
        self.last = torch.nn.Linear(108, 3)

    def forward(self, images):
        return self.last(images.flatten(1))


class Unfollowed(Unused):
    """Classifier whose last weight is used outside of any layer call."""

    def __init__(self):
        super().__init__()
        del self._modules["aux<1>"]
        self.other = torch.nn.Linear(3, 3)

    def forward(self, images):
        return self.last(images.flatten(1)) @ self.other.weight.T


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (Unused, "540 weights of &#x27;aux&lt;1&gt;&#x27; are stored and not counted: it runs "),
        (
            Unfollowed,
            "9 weights of &#x27;other&#x27; are stored and not counted: the scores depend ",
        ),
    ],
)
def test_a_line_tells_which_weights_are_left_out(toy, net, said):
    explorer = Explorer(Experiment(net().eval(), toy))
    assert explorer.left_out in explorer.children
    assert explorer.left_out.layout.display is None
    assert explorer.left_out.value.startswith(f"Left out: {said}")


def test_the_line_follows_the_model(toy):
    explorer = Explorer()
    assert (explorer.left_out.value, explorer.left_out.layout.display) == ("", "none")
    explorer.session.cases["digits"]["unused"] = lambda: Experiment(Unused().eval(), toy)
    explorer.session.model = "unused"
    assert "aux&lt;1&gt;" in explorer.left_out.value
    explorer.session.model = "small"
    assert (explorer.left_out.value, explorer.left_out.layout.display) == ("", "none")


def test_what_is_estimated_is_sent_as_an_estimate(monkeypatch):
    monkeypatch.setattr(Experiment, "is_large", True)
    explorer = Explorer(Experiment.load("digits", memory_mb=0), first=4)
    explorer.controls.sparsity.value = 60
    assert explorer.feed.data["images"] == 4
    assert explorer.feed.data["optimized"]["estimated"]
    explorer.session.wait()
    assert not explorer.feed.data["optimized"]["estimated"]


def test_torch_that_stands_in_for_the_runtime_is_named(explorer, monkeypatch):
    status = "Computed in torch; the faster runtime is being prepared."
    monkeypatch.setattr(Experiment, "runtime_status", status)
    explorer.controls.sparsity.value = 37
    assert status in status_text(explorer.session, lambda recipe: True)


def test_an_update_is_one_message(monkeypatch):
    explorer, sent = Explorer(), []
    explorer.controls.sparsity.value = 10
    monkeypatch.setattr(
        Widget, "_send", lambda self, message, buffers=None: sent.append((self, message, buffers))
    )
    explorer.controls.sparsity.set_state({"value": 40})
    updates = [(w, m["state"], b) for w, m, b in sent if m["method"] == "update"]
    ((widget, state, buffers),) = updates
    assert widget is explorer.feed
    assert list(state) == ["data"]
    assert sum(len(b) for b in buffers) >= 2 * 100 * 4  # both matrices


THOUSAND_UPDATES = """
import gc, json, psutil
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.widgets.explorer.explorer import Explorer

explorer, me = Explorer(Experiment.load("digits", memory_mb=0)), psutil.Process()

def drag(times):
    for step in range(times):
        explorer.controls.sparsity.value = step % 97
    gc.collect()
    return me.memory_info().rss

def least():  # the allocator's own ups and downs are larger than the bound
    return min(drag(100) for _ in range(3))

drag(500)
before, objects = least(), len(gc.get_objects())
drag(700)
print(json.dumps({"bytes": least() - before, "objects": len(gc.get_objects()) - objects}))
"""


@pytest.mark.slow
def test_a_thousand_updates_leave_nothing_behind():
    command = [sys.executable, "-c", THOUSAND_UPDATES]  # alone: other tests' threads allocate too
    env = {**os.environ, "MALLOC_ARENA_MAX": "1"}  # glibc's arena per thread fills up slowly
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=env)
    grown = json.loads(done.stdout.splitlines()[-1])
    assert grown["bytes"] < 5e6
    assert grown["objects"] < 100


def test_closing_leaves_no_widget_and_no_thread_behind(digits):
    open_before, threads_before = {*registry._instances}, {*threading.enumerate()}
    explorer = Explorer(digits)
    explorer.session.slow.submit((no_work, lambda _: None)).result()
    started = {t for t in {*threading.enumerate()} - threads_before if "slow-lane" in t.name}
    assert len({*registry._instances} - open_before) > 100
    assert len(started) == 1
    explorer.close()
    explorer.close()
    assert {*registry._instances} == open_before
    assert not started & {*threading.enumerate()}


def test_a_closed_explorer_leaves_another_one_of_the_same_experiment_alive(digits):
    first, second = Explorer(digits), Explorer(digits)
    first.close()
    second.controls.sparsity.value = 30
    assert second.session.report.recipe == Recipe(sparsity=0.3)
    assert second.feed.comm is not None
    second.close()
