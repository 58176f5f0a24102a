"""A model meets the engine's assumptions, is repaired, or is refused with the reason."""

from __future__ import annotations

import copy
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import fx, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.head import Head
from optiwidgets.engine.serialization.reader import load_packed
from optiwidgets.engine.types.recipe import Recipe

RECIPE = Recipe(sparsity=0.6, bits=3)


@pytest.fixture(scope="module")
def data():
    draw = torch.Generator().manual_seed(0)

    def part(count):
        labels = torch.arange(count) % 4
        return torch.rand(count, 1, 6, 6, generator=draw), labels

    return Dataset(
        train=part(24), calibration=part(12), exploration=part(40), sealed=part(8),
        class_names=("a", "b", "c", "d"),
    )  # fmt: skip


def plain(outputs=4):
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(32, outputs),
    ).eval()  # fmt: skip


def with_mask(layer):
    prune.l1_unstructured(layer, "weight", 0.5)


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
@pytest.mark.parametrize(
    "compute",
    [
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        weight_norm,
        spectral_norm,
        with_mask,
        lambda layer: nn.utils.parametrize.register_parametrization(layer, "weight", Doubled()),
    ],
)
def test_a_weight_computed_from_others_is_the_weight_that_comes_out(data, compute):
    model = plain()
    compute(model[2])
    model.eval()
    with torch.no_grad():
        expected = model(data.exploration[0])
    twin = plain()
    with torch.no_grad():
        twin[2].weight.copy_(model[2].weight)
    keys = list(model.state_dict())
    experiment, other = Experiment(model, data), Experiment(twin, data)
    got, want = experiment.run(RECIPE), other.run(RECIPE)
    assert (got.scores == want.scores).all()
    assert got.size.total_bytes == want.size.total_bytes
    assert int((got.model()[2].weight == 0).sum()) >= int(got.weights()[1].kept.size * 0.2)
    assert (experiment.run(Recipe()).predictions == expected.argmax(1).numpy()).all()
    assert [row.module for row in experiment.check().having("repaired")] == ["2"]
    assert list(model.state_dict()) == keys  # the original model is unchanged
    with torch.no_grad():
        assert torch.equal(model(data.exploration[0]), expected)


def test_a_layer_that_changes_its_weight_in_every_pass_is_refused(data):
    model = plain()

    def shrink(layer, inputs):
        layer.weight.data.mul_(0.5)

    model[2].register_forward_pre_hook(shrink)
    with pytest.raises(ValueError, match=r"the model changes '2.weight' while it evaluates"):
        Experiment(model, data)


def test_a_weight_that_a_foreign_hook_makes_is_refused(data):
    model = plain()
    made = model[2].weight.detach().clone()
    del model[2].weight
    model[2].register_parameter("part", nn.Parameter(made / 2))
    model[2].register_forward_pre_hook(lambda layer, _: setattr(layer, "weight", 2 * layer.part))
    with pytest.raises(ValueError, match="weight of layer '2' is computed from other tensors"):
        Experiment(model, data)


class Functional(nn.Module):
    """Two layers used by functions: one with a layer's weight, one with a plain parameter."""

    def __init__(self):
        super().__init__()
        self.conv, self.hidden = nn.Conv2d(1, 6, 3), nn.Linear(96, 20)
        self.matrix, self.shift = nn.Parameter(torch.randn(4, 20) / 4), nn.Parameter(torch.zeros(4))

    def forward(self, images):
        features = F.relu(self.conv(images)).flatten(1)
        hidden = F.relu(F.linear(features, self.hidden.weight, self.hidden.bias))
        return F.linear(hidden, self.matrix, self.shift)


def functional_twin(model):
    twin = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 20), nn.ReLU(), nn.Linear(20, 4)
    ).eval()
    twin.load_state_dict(
        dict(
            zip(
                twin.state_dict(),
                [
                    model.conv.weight, model.conv.bias, model.hidden.weight, model.hidden.bias,
                    model.matrix, model.shift,
                ],
                strict=True,
            )
        )
    )  # fmt: skip
    return twin


def same_weights(got, want):
    """Assert that weights of two reports agree by layer; the order of the layers may differ."""
    ours, theirs = ({w.before.shape: w for w in report.weights()} for report in (got, want))
    return ours.keys() == theirs.keys() and all(
        (ours[s].kept == theirs[s].kept).all() and (ours[s].after == theirs[s].after).all()
        for s in ours
    )


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        Recipe(sparsity=0.5, score="wanda", pruning="layer"),
        Recipe(sparsity=0.5, pruning="layer", score="fisher"),
    ],
    ids=str,
)
def test_weights_used_by_functions_are_optimized_like_those_of_layers(data, recipe):
    torch.manual_seed(2)
    model = Functional().eval()
    twin = functional_twin(model)
    experiment, other = Experiment(model, data), Experiment(twin, data)
    got, want = experiment.run(recipe), other.run(recipe)
    assert got.prunable_weights == want.prunable_weights == 6 * 9 + 96 * 20 + 20 * 4
    assert got.macs == want.macs
    assert same_weights(got, want)
    assert abs(got.scores - want.scores).max() < 1e-6


@pytest.mark.parametrize("recipe", [Recipe(0.5, recovery="refit"), Recipe(bits=3, rounding="gptq")])
def test_repairs_see_the_inputs_of_weights_used_by_functions(data, recipe):
    torch.manual_seed(2)
    model = Functional().eval()
    twin = functional_twin(model)
    experiment, other = Experiment(model, data), Experiment(twin, data)
    recipe = replace(recipe, pruning="layer") if recipe.prunes else recipe
    got, want = ({w.before.shape: w for w in e.run(recipe).weights()} for e in (experiment, other))
    shape = (20, 96)  # the last layer has its bias in another parameter
    assert abs(got[shape].after - want[shape].after).max() < 1e-5


def test_weights_used_by_functions_are_in_the_file(data, tmp_path):
    torch.manual_seed(2)
    model = Functional().eval()
    experiment = Experiment(model, data)
    report = experiment.run(RECIPE)
    report.save(tmp_path / "m.owz")
    loaded = load_packed(tmp_path / "m.owz", model=Functional())
    with torch.no_grad():
        scores = loaded(data.exploration[0]).softmax(1).numpy()
    assert abs(scores - report.scores).max() < 1e-6
    with pytest.raises(ValueError, match="weight of 'matrix' is used by a function"):
        experiment.run(Recipe(activation_bits=8))


def test_attentions_projections_are_counted_and_compute_the_same():
    class Attends(nn.Module):
        def __init__(self, batch_first):
            super().__init__()
            self.embed = nn.Conv2d(1, 8, 2, stride=2)
            self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
            self.head, self.batch_first = nn.Linear(8, 4), batch_first

        def forward(self, images):
            tokens = self.embed(images).flatten(2)
            if self.batch_first:
                return self.head(self.block(tokens.transpose(1, 2)).mean(1))
            return self.head(self.block(tokens.permute(2, 0, 1)).mean(0))

    draw = torch.Generator().manual_seed(0)
    part = torch.randn(8, 1, 6, 6, generator=draw), torch.arange(8) % 4
    parts = dict.fromkeys(("train", "calibration", "exploration", "sealed"), part)
    for batch_first in (True, False):
        torch.manual_seed(0)
        model = Attends(batch_first).eval()
        experiment = Experiment(model, Dataset(**parts, class_names=("a", "b", "c", "d")))
        with torch.no_grad():
            expected = model(part[0]).softmax(1).numpy()
        assert abs(experiment.run(Recipe()).scores - expected).max() < 1e-5
        by_hand = 8 * 4 + 3 * 64 + 64 + 2 * 8 * 16 + 8 * 4
        assert experiment.prunable_weights == by_hand
        tokens = 9
        assert experiment.run(Recipe()).macs == tokens * (by_hand - 32) + 32


class Auxiliary(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.aux = plain(), nn.Linear(32, 4)

    def forward(self, images):
        scores = self.body(images)
        return (scores, self.aux(scores)) if self.training else scores


def test_layers_that_never_run_are_stored_and_named_not_counted(data, tmp_path):
    model = Auxiliary().eval()
    experiment, alone = Experiment(model, data), Experiment(model.body, data)
    got, want = experiment.run(RECIPE), alone.run(RECIPE)
    assert got.prunable_weights == want.prunable_weights
    assert got.pruned_weights == want.pruned_weights
    assert (got.scores == want.scores).all()
    (out,) = experiment.check().having("left out")
    assert (out.module, out.weights, out.reason) == (
        "aux",
        128,
        "it runs on none of the images tried",
    )
    assert "128 weights of 'aux' are stored and not counted" in experiment.check().left_out
    got.save(tmp_path / "m.owz")
    loaded = load_packed(tmp_path / "m.owz", model=Auxiliary())
    assert torch.equal(loaded.aux.weight, model.aux.weight)


def test_a_weight_used_unseen_is_left_out_and_said(data):
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.last = plain(8), nn.Linear(8, 4)

        def forward(self, images):
            return self.body(images) @ self.last.weight.T + self.last.bias

    (out,) = Experiment(Product().eval(), data).check().having("left out")
    assert out.module == "last"
    assert "cannot be traced" in out.reason


class Upsampled(nn.Module):
    """Net with weights of three kinds that are not pruned, and an added position embedding."""

    def __init__(self):
        super().__init__()
        self.first, self.up = nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.line, self.head = nn.Conv1d(4, 4, 3), nn.Linear(4, 4)
        self.place, self.norm = nn.Parameter(torch.zeros(1, 4, 1)), nn.BatchNorm2d(4)

    def forward(self, images):
        features = self.norm(self.up(self.first(images))).flatten(2) + self.place
        return self.head(self.line(features).mean(2))


def test_weights_of_other_kinds_are_stored_named_and_not_counted(data, tmp_path):
    model = Upsampled().eval()
    experiment = Experiment(model, data)
    got = experiment.run(Recipe(sparsity=0.5, bits=8))
    assert got.prunable_weights == 4 * 9 + 4 * 4
    out = {row.module: row for row in experiment.check().having("left out")}
    assert {name: row.weights for name, row in out.items()} == {"up": 64, "line": 48, "place": 4}
    assert out["up"].reason.startswith("its kind is ConvTranspose2d;")
    assert out["place"].reason.startswith("it is a parameter of Upsampled;")
    got.save(tmp_path / "m.owz")
    loaded = load_packed(tmp_path / "m.owz", model=Upsampled())
    assert torch.equal(loaded.up.weight, model.up.weight)
    assert torch.equal(loaded.line.weight, model.line.weight)


def test_one_layer_under_two_names_is_stored_once(data):
    class TwoNames(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.first, self.last, self.net = net[0], net[5], net

        def forward(self, images):
            return self.net(images)

    got, want = (Experiment(m, data).run(RECIPE) for m in (TwoNames(plain()), plain()))
    assert abs(got.size.total_bytes - want.size.total_bytes) < 32  # the names in the header
    assert got.size.parts["biases"] == want.size.parts["biases"]
    assert abs(got.scores - want.scores).max() < 1e-6


def test_one_buffer_under_two_names_is_stored_once(data):
    class Shared(nn.Module):
        def __init__(self, net, names):
            super().__init__()
            self.net = net
            for name in names:
                self.register_buffer(name, net[5].bias.new_ones(500) if name == "a" else self.a)

        def forward(self, images):
            return self.net(images) * self.a.mean()

    one, two = (Experiment(Shared(plain(), n).eval(), data).run(RECIPE) for n in ("a", "ab"))
    assert one.size.parts["biases"] == two.size.parts["biases"]


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid()])
def test_the_scores_are_read_before_a_last_softmax(data, end):
    ended, experiment = nn.Sequential(*plain(), end).eval(), None
    experiment = Experiment(ended, data)
    got, want = experiment.run(RECIPE), Experiment(plain(), data).run(RECIPE)
    assert abs(got.scores - want.scores).max() < 1e-5
    assert (got.predictions == want.predictions).all()
    tuned = [
        Experiment(m, data).run(Recipe(sparsity=0.5, recovery="finetune")).scores
        for m in (ended, plain())
    ]
    assert abs(tuned[0] - tuned[1]).max() < 1e-3  # trained with the same loss
    assert type(got.model()[-1]) is type(end)


def test_a_softmax_by_function_is_found_too(data):
    class Probabilities(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = plain()

        def forward(self, images):
            return F.softmax(self.net(images), dim=-1)

    got, want = (Experiment(m, data).run(Recipe()) for m in (Probabilities().eval(), plain()))
    assert abs(got.scores - want.scores).max() < 1e-6


class Probabilities(nn.Module):
    """Model that returns probabilities without a softmax or sigmoid."""

    def __init__(self, make, outputs=4):
        super().__init__()
        self.net, self.make = plain(outputs), make

    def forward(self, images):
        return self.make(self.net(images))


def by_hand(scores):
    return scores.exp() / scores.exp().sum(1, keepdim=True)


def both_classes(scores):
    sick = scores.sigmoid()
    return torch.cat([1 - sick, sick], 1)


@pytest.mark.parametrize(
    "make",
    [by_hand, lambda s: s.softmax(1).clamp(1e-6), lambda s: s.softmax(1).view(-1, 4) * 1.0],
)
def test_probabilities_made_in_any_way_are_not_squashed_again(data, make):
    experiment = Experiment(Probabilities(make).eval(), data)
    with torch.no_grad():
        right = plain()(data.exploration[0]).softmax(1).numpy()
    np.testing.assert_allclose(experiment.run(Recipe()).scores, right, atol=1e-5)
    assert "The outputs are probabilities" in experiment.check().summary


def test_two_probabilities_of_one_sigmoid_are_not_squashed_again(two_classes):
    report = Experiment(Probabilities(both_classes, 1).eval(), two_classes).run(Recipe())
    with torch.no_grad():
        sick = plain(1)(two_classes.exploration[0]).sigmoid().flatten().numpy()
    np.testing.assert_allclose(report.scores[:, 1], sick, atol=1e-6)
    assert report.at_threshold(0.3).counts[:, 1].sum() == (sick >= 0.3).sum()


@pytest.mark.parametrize("make", [lambda s: 1 / (1 + (-s).exp()), lambda s: s.clamp(0.1, 0.9)])
def test_one_output_that_may_be_a_probability_or_a_score_is_asked_about(two_classes, make):
    model = Probabilities(make, 1).eval()
    with pytest.raises(ValueError, match=r"0\.\.1 on all of 40 images.*give both classes"):
        Experiment(model, two_classes)
    with torch.no_grad():
        output = model(two_classes.exploration[0]).flatten()
    with pytest.raises(ValueError, match="give both classes"):  # a function that only selects
        Experiment(model, two_classes, head=lambda output: output[:, :1])
    heads = lambda s: torch.cat([0 * s, s], 1), lambda p: torch.cat([1 - p, p], 1)
    as_score, as_probability = (
        Experiment(model, two_classes, head=head).run(Recipe()) for head in heads
    )
    np.testing.assert_allclose(as_score.scores[:, 1], output.sigmoid(), atol=1e-6)
    np.testing.assert_allclose(as_probability.scores[:, 1], output, atol=1e-5)


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.Sigmoid()])
def test_columns_of_probabilities_are_not_squashed_again(data, end):
    columns = [5, 1, 0, 3]
    report = Experiment(nn.Sequential(*plain(6), end).eval(), data, head=columns).run(Recipe())
    with torch.no_grad():
        right = plain(6)(data.exploration[0])[:, columns].softmax(1).numpy()
    np.testing.assert_allclose(report.scores, right, atol=1e-5)


def test_a_dense_output_of_probabilities_is_refused_as_dense(data):
    dense = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Hardtanh(0, 1))
    with pytest.raises(ValueError, match=r"^(?!.*may be a probability)"):
        Experiment(dense, data)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_type_are_said_to_run_in_single_precision(data, dtype):
    check = Experiment(plain().to(dtype), data).check()
    name = str(dtype).removeprefix("torch.")
    assert f"Weights in {name} run, and are weighed, in float32" in check.summary


class ForSome(nn.Module):
    """Net with a layer that only runs for bright images."""

    def __init__(self):
        super().__init__()
        self.net, self.more = plain(), nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, images):
        bright = images.mean((1, 2, 3), keepdim=True) > 0.5
        if bright.any():
            images = torch.where(bright, self.more(images), images)
        return self.net(images)


def test_a_layer_that_runs_for_some_images_is_named_for_its_macs(data):
    means = data.exploration[0][:8].mean((1, 2, 3))
    assert (means > 0.5).any()
    assert (means <= 0.5).any()
    reasons = [row.reason for row in Experiment(ForSome().eval(), data).check().having("limited")]
    assert any(r.startswith("'more' run for some images only") for r in reasons)


@pytest.mark.parametrize("form", [lambda s: (s, 2 * s), lambda s: {"out": s}])
def test_channels_of_a_model_with_several_outputs_are_removed(data, form):
    head = "out" if isinstance(form(torch.zeros(1)), dict) else 0
    recipe = Recipe(sparsity=0.5, pruning="channel")
    got = Experiment(Probabilities(form).eval(), data, head=head).run(recipe)
    want = Experiment(plain(), data).run(recipe)
    np.testing.assert_allclose(got.scores, want.scores, atol=1e-5)
    assert got.removed_channels == want.removed_channels


@pytest.fixture(scope="module")
def two_classes(data):
    def halved(part):
        return part[0], part[1] % 2

    names = ("healthy", "sick")
    parts = {n: halved(getattr(data, n)) for n in ("train", "calibration", "exploration", "sealed")}
    return Dataset(**parts, class_names=names, positive=1)


@pytest.mark.parametrize("end", [[], [nn.Sigmoid()]])
def test_one_column_is_the_score_of_the_second_of_two_classes(two_classes, end):
    model = nn.Sequential(*plain(1), *end).eval()
    report = Experiment(model, two_classes).run(Recipe())
    with torch.no_grad():
        sick = plain(1)(two_classes.exploration[0]).sigmoid().flatten().numpy()
    assert abs(report.scores[:, 1] - sick).max() < 1e-5
    assert (report.predictions == (sick > 0.5)).all()


class Answers(nn.Module):
    def __init__(self, form, outputs=4):
        super().__init__()
        self.net, self.form = plain(outputs), form

    def forward(self, images):
        return self.form(self.net(images))


@pytest.mark.parametrize(
    ("form", "head"),
    [
        (lambda scores: {"out": scores, "aux": -scores}, "out"),
        (lambda scores: (-scores, scores), 1),
        (lambda scores: (scores, None), lambda answer: answer[0]),
    ],
)
def test_the_scores_are_where_head_says(data, form, head):
    got = Experiment(Answers(form), data, head=head).run(RECIPE)
    want = Experiment(plain(), data).run(RECIPE)
    assert abs(got.scores - want.scores).max() < 1e-6


def test_classes_may_be_columns_of_a_larger_output(data):
    model = plain(9)
    got = Experiment(model, data, head=[7, 0, 3, 5]).run(Recipe())
    with torch.no_grad():
        want = model(data.exploration[0])[:, [7, 0, 3, 5]].softmax(1).numpy()
    assert abs(got.scores - want).max() < 1e-6


def test_a_dict_without_head_is_answered_with_its_keys(data):
    model = Answers(lambda scores: {"out": scores, "aux": scores})
    with pytest.raises(ValueError, match="returns a dict of 'out', 'aux', and head=None"):
        Experiment(model, data)
    with pytest.raises(ValueError, match="head is a function"):
        Experiment(plain(), data, head=1.5)


def test_columns_of_an_output_with_more_axes_are_its_classes():
    head, output = Head(pick=(1, 3)), torch.rand(2, 5, 2, 2)
    assert torch.equal(head.scores(output), output[:, [1, 3]])
    with pytest.raises(ValueError, match="head names score 5; the model has 5 scores, 0 to 4"):
        Head(pick=(5,)).scores(output)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("x", "the model returns a Tensor, and head='x' finds no tensor"),
        (7, "the model returns a Tensor, and head=7 finds no tensor"),
        ([1, 300], r"head names score 300; the model has 4 scores, 0 to 3"),
    ],
)
def test_a_head_that_selects_nothing_is_refused_with_the_output(data, head, message):
    with pytest.raises(ValueError, match=message):
        Experiment(plain(), data, head=head)


@pytest.mark.parametrize("flat", [lambda x: x.view(-1, 32), lambda x: x.view(x.size(0), -1)])
def test_views_run(data, flat):
    class Viewed(nn.Module):
        def __init__(self):
            super().__init__()
            net = plain()
            self.features, self.head = net[:4], net[5]

        def forward(self, images):
            return self.head(flat(self.features(images)))

    got, want = (Experiment(m, data).run(RECIPE) for m in (Viewed().eval(), plain()))
    assert abs(got.scores - want.scores).max() < 1e-6


@pytest.mark.parametrize("channels", [1, 3])
def test_views_run_on_images_of_arrays_that_keep_channels_last(data, channels):
    class Viewed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(channels, 5, 3), nn.Linear(5, 4)

        def forward(self, images):
            maps = self.conv(images).relu()
            return self.head(maps.view(len(maps), 5, -1).mean(2))

    def ordered(images):
        return images.expand(-1, channels, -1, -1).permute(0, 2, 3, 1).contiguous()

    last = {
        part: (ordered(images).permute(0, 3, 1, 2), labels)
        for part in PARTS
        for images, labels in [getattr(data, part)]
    }
    given = replace(data, **last)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Viewed().eval()
    with torch.no_grad():
        expected = model(given.exploration[0].clone(memory_format=torch.contiguous_format))
    experiment = Experiment(model, given)
    for explored in (experiment, experiment.on(given)):
        scores = explored.run(Recipe()).scores
        assert abs(scores - expected.softmax(1).numpy()).max() < 1e-6
    assert experiment.run(RECIPE).model()(experiment.dataset.exploration[0]).shape[1] == 4


class Branches(nn.Module):
    """Model with a branch on the image, which torch.fx cannot trace."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), *plain()[1:])

    def forward(self, images):
        if images.sum() > -1e9:
            return self.net(images)
        return self.net(images) * 2


def test_a_model_that_cannot_be_traced_runs_without_folding(data):
    model = Branches().eval()
    model.net[1].running_var.fill_(4.0)
    experiment = Experiment(model, data)
    with torch.no_grad():
        expected = model(data.exploration[0]).softmax(1).numpy()
    assert abs(experiment.run(Recipe()).scores - expected).max() < 1e-6
    twin = Experiment(model.net, data)
    assert experiment.run(Recipe(0.5)).pruned_weights == twin.run(Recipe(0.5)).pruned_weights
    for recipe in (Recipe(bits=4), Recipe(0.5, recovery="sequential"), Recipe(activation_bits=8)):
        assert experiment.run(recipe).size.total_bytes > 0
    assert "BatchNorm is not folded" in experiment.check().summary


def wrapped():
    return nn.DataParallel(plain())


def test_wrappers_are_taken_off(data):
    got, want = (Experiment(m, data).run(RECIPE) for m in (wrapped(), plain()))
    assert (got.scores == want.scores).all()
    assert "was taken out of its DataParallel" in Experiment(wrapped(), data).check().summary


def test_a_compiled_model_is_the_one_that_was_compiled(data):
    got = Experiment(torch.compile(plain()), data).run(RECIPE)
    assert (got.scores == Experiment(plain(), data).run(RECIPE).scores).all()


def traced():
    with pytest.warns():  # torch deprecates TorchScript
        return torch.jit.trace(plain(), torch.zeros(1, 1, 6, 6))


def locked():
    model = plain()
    model.logger = threading.Lock()
    return model


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (locked, "cannot be copied: attribute 'logger' of the model"),
        (traced, "TorchScript module cannot be taken apart"),
        (
            lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten()),
            "'0.weight' .* is lazy",
        ),
    ],
)
def test_what_cannot_be_prepared_is_refused_with_the_reason(data, make, reason):
    with pytest.raises(ValueError, match=reason):
        Experiment(make(), data)


@pytest.mark.parametrize("keep", [lambda maps: maps, lambda maps: {"maps": [(maps, maps + 1)]}])
def test_a_model_that_keeps_its_feature_maps_is_copied(data, keep):
    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.kept = plain(), None

        def forward(self, images):
            maps = self.net[:4](images)
            self.kept = keep(maps)
            return self.net[4:](maps)

    model = Keeps()
    model(data.exploration[0][:2])
    got, want = Experiment(model, data).run(RECIPE), Experiment(plain(), data).run(RECIPE)
    assert abs(got.scores - want.scores).max() < 1e-6


def test_a_layer_that_runs_to_no_effect_is_said(data):
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.aux = plain(), nn.Linear(4, 4)

        def forward(self, images):
            scores = self.net(images)
            self.aux(scores)
            return scores

    rows = {row.module: row for row in Experiment(Unused().eval(), data).check().rows}
    assert "do not depend on it" in rows["aux"].reason
    assert "do not depend on it" not in rows["net.0"].reason


def test_the_check_reads_as_text_and_as_a_table(data):
    check = Experiment(Auxiliary().eval(), data).check()
    assert str(check).splitlines()[0] == check.summary
    assert "<td>left out</td><td><code>aux</code></td>" in check._repr_html_()


def test_the_given_model_is_never_changed(data):
    model = Functional().eval()
    before = copy.deepcopy(model.state_dict())
    Experiment(model, data).run(RECIPE)
    assert all(torch.equal(model.state_dict()[n], before[n]) for n in before)


def test_a_graph_module_that_ends_in_softmax_keeps_its_ending_in_every_copy(data):
    """torch.fx's modules copy only a few of their attributes."""
    net = fx.symbolic_trace(nn.Sequential(plain(), nn.Softmax(1)).eval())
    experiment = Experiment(net, data)  # reports do not keep the experiment alive
    report = experiment.run(Recipe())
    with torch.no_grad():
        expected = net(data.exploration[0])
        np.testing.assert_allclose(report.scores, expected, atol=1e-5)
        np.testing.assert_allclose(report.model()(data.exploration[0]), expected, atol=1e-5)


class Volume(nn.Module):
    """Net that treats an image as a volume; its Conv3d weight has no channels_last order."""

    def __init__(self):
        super().__init__()
        self.first, self.deep = nn.Conv2d(1, 6, 3), nn.Conv3d(1, 1, 1)
        self.head = nn.Linear(6, 4)

    def forward(self, images):
        features = self.deep(self.first(images).unsqueeze(1)).squeeze(1)
        return self.head(features.mean((2, 3)))


def test_a_model_with_a_weight_of_five_axes_runs(data):
    net = Volume().eval()
    report = Experiment(net, data).run(Recipe())
    with torch.no_grad():
        expected = net(data.exploration[0]).softmax(1)
    np.testing.assert_allclose(report.scores, expected, atol=1e-5)
