from __future__ import annotations

import pytest
import torch
from torch import nn

import optiwidgets as ow
from optiwidgets.engine.compression.bounded_cache import BoundedCache, weigh
from optiwidgets.engine.quantization.weights import encode


def test_what_codes_weigh_is_the_sum_of_their_tensors():
    weight = torch.randn(10, 7)
    coded = encode(weight, weight > 0, ow.Recipe(bits=4, granularity="channel", scheme="affine"))
    # int16 codes, one byte a mask, float32 scales, int16 zero points
    assert weigh({"a": coded}) == 2 * 70 + 70 + 4 * 10 + 2 * 10
    assert weigh((nn.Linear(7, 10), {})) == 4 * 80


@pytest.mark.parametrize("keep_last", [True, False])
def test_the_bound_holds_and_the_least_used_goes_first(keep_last):
    cache = BoundedCache(0.002, keep_last)
    for name in "abcd":
        cache.put(name, torch.zeros(125))  # 500 bytes: four fit
    assert cache.get("a") is not None
    cache.put("e", torch.zeros(250))
    assert [name for name in "abcde" if name in cache] == ["a", "d", "e"]
    cache.put("e", torch.zeros(125))
    assert (len(cache), cache.used_bytes) == (3, 1500)
    cache.put("large", torch.zeros(10_000))
    assert ("large" in cache) is keep_last
    assert cache.used_bytes == (40_000 if keep_last else 1500)


@pytest.mark.parametrize(("memory_mb", "kept"), [(0, 0), (0.25, 2), (64, 5)])
def test_an_experiment_keeps_codes_within_its_memory(memory_mb, kept):
    exp = ow.Experiment.load("digits", memory_mb=memory_mb)
    recipes = [ow.Recipe(step / 10, bits=8) for step in range(5)]
    for recipe in recipes:
        exp._compressor.compress(recipe)
    # 24,904 weights, two bytes a code and one a mask; the masks of two recipes may be shared
    assert sum(map(exp.knows_weights, recipes)) in (kept, kept + 1)
    assert exp._compressor._coded.used_bytes <= 1e6 * memory_mb
    report = exp.run(recipes[0])
    assert len(report.weights()) == len(exp.layers)
