from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from optiwidgets.engine.data.dataset import fingerprint
from optiwidgets.engine.evaluation.images import BATCH, Images
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.execution.worker_pool import run_on_worker


def part(count):
    random = torch.Generator().manual_seed(4)
    return torch.randn(count, 2, 6, 9, generator=random), torch.arange(count) % 3


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, 2 * BATCH + 5])
def test_scores_come_in_the_images_order_whatever_the_batches(count, make_own):
    images, net = part(count)[0], make_own().eval()
    scores = evaluate(net, Images.of("exploration", (images, torch.zeros(count))).batches)
    with torch.inference_mode():
        torch.testing.assert_close(scores, net(images), rtol=1e-4, atol=1e-5)
    assert scores.shape == (count, 3)


def test_evaluating_twice_gives_the_same_bits(make_own):
    net, batches = make_own().eval(), Images.of("exploration", part(200)).batches
    assert torch.equal(evaluate(net, batches), evaluate(net, batches))


def test_images_are_cut_in_order_and_remember_what_they_are():
    images, labels = part(2 * BATCH + 5)
    cut = Images.of("sealed", (images, labels))
    assert [len(batch) for batch in cut.batches] == [BATCH, BATCH, 5]
    assert torch.equal(torch.cat(list(cut.batches)), images)
    assert cut.targets.tolist() == labels.tolist()
    assert (cut.part, cut.fingerprint) == ("sealed", fingerprint((images, labels)))


def test_labels_are_a_copy_that_nobody_can_change():
    images, labels = part(4)
    cut = Images.of("exploration", (images, labels))
    labels[0] = 2
    assert cut.targets[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        cut.targets[0] = 1


def test_an_error_in_the_model_comes_out():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        evaluate(nn.Sequential(nn.Flatten(), nn.Linear(5, 3)), Images.of("x", part(4)).batches)


def test_the_callers_own_threads_and_modes_stay_what_they_were(make_own):
    before = torch.get_num_threads()
    scores = evaluate(make_own().eval(), Images.of("exploration", part(80)).batches)
    assert torch.get_num_threads() == before
    assert run_on_worker(torch.get_num_threads) == 1
    assert torch.is_grad_enabled()
    assert not scores.is_inference()


def test_many_threads_may_evaluate_at_once(make_own):
    nets = [make_own(seed).eval() for seed in range(6)]
    batches = Images.of("exploration", part(300)).batches
    expected = [evaluate(net, batches) for net in nets]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda net: evaluate(net, batches), nets))
    assert all(map(torch.equal, found, expected))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_threads_of_its_own():
    assert run_on_worker(os.getpid) == os.getpid()
    child = os.fork()
    if not child:
        signal.alarm(120)  # an inherited thread pool would hang forever
        os._exit(0 if run_on_worker(os.getpid) == os.getpid() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
