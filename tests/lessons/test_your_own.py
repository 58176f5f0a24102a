"""Lesson on own photographs, run on drawings and on a learner's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

import optiwidgets as ow
from optiwidgets.engine.data.dataset import PARTS

BOOK = Path(__file__).parents[2] / "lessons" / "75_your_own.ipynb"
FASTER = ow.Latency(2.0, 1.9, 2.1, 1.0, 0.5, 1)
DRAWN = "Drawn by this page in place of photographs"


@pytest.fixture
def run(monkeypatch):
    """Run the lesson's code with a folder, for two epochs and without measuring speed."""
    monkeypatch.setattr(
        ow.Experiment,
        "measure",
        lambda experiment, report: replace(
            report, latency=FASTER, flip_rate=0.0, baseline_flip_rate=0.0
        ),
    )

    def execute(folder, until=None):
        cells = [c.source for c in nbformat.read(BOOK, as_version=4).cells if c.cell_type == "code"]
        last = next((at for at, cell in enumerate(cells) if until and until in cell), len(cells))
        source = "\n".join(cells[:last])
        assert source.count('folder = ""') == 1
        source = source.replace('folder = ""', f"folder = {str(folder)!r}")
        scope = {}
        exec(compile(source.replace("epochs=25", "epochs=2"), BOOK.name, "exec"), scope)
        return scope

    return execute


@pytest.fixture
def signs(tmp_path):
    """Photographs of two signs, as from cameras: not square, of several sizes."""
    draw = np.random.default_rng(4)
    for label, name in enumerate(("priority", "stop")):
        (tmp_path / "signs" / name).mkdir(parents=True)
        for index in range(24):
            height, width = draw.integers(50, 90, 2)
            pixels = draw.integers(0, 90, (height, width, 3), np.uint8)
            pixels[12:-12, 12:-12, label] += 150
            Image.fromarray(pixels).save(tmp_path / "signs" / name / f"{index}.jpg")
    return tmp_path / "signs"


def images_of(data):
    return {
        part: {image.numpy().tobytes() for image in data.pixels(getattr(data, part)[0])}
        for part in PARTS
    }


def test_without_a_folder_the_page_draws_and_says_so(run):
    scope = run("", until="ow.train(")
    assert scope["data"].description.startswith(DRAWN)
    assert sum(len(scope["data"].labels(part)) for part in PARTS) == 600
    assert list(scope["data"].class_names) == ["disc", "square", "diamond"]


def test_the_learners_own_photographs_are_trained_on_and_judged(run, signs):
    scope = run(signs)
    data, exp = scope["data"], scope["exp"]
    assert list(data.class_names) == ["priority", "stop"]
    assert DRAWN not in data.description
    assert data.shape == (3, 48, 48)
    images = images_of(data)
    assert sum(map(len, images.values())) == len(set().union(*images.values())) == 48
    assert exp.openings == [ow.Recipe(), scope["recipe"]]
    with torch.no_grad():
        expected = scope["net"](data.sealed[0]).softmax(1)
    np.testing.assert_allclose(scope["base"].scores, expected, atol=1e-4)
    chosen = exp.open_sealed(ow.Recipe(sparsity=0.5, bits=4))
    judged = replace(chosen, latency=FASTER, flip_rate=0.0, baseline_flip_rate=0.0)
    verdict = ow.judge(exp.open_sealed(ow.Recipe()), judged, ow.Policy.MOBILE)
    shown = scope["verdict"]
    assert (shown.grade, shown.reasons) == (verdict.grade, verdict.reasons)
