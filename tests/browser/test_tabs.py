"""Idle jobs of the tabs: bytes of the file, speed, downloads, fine-tuning."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import onnx
import pytest
import torch
from conftest import Gate
from explorer_page import ExplorerPage
from playwright.sync_api import expect

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.serialization.reader import load_packed
from optiwidgets.engine.sparse_runtime.library import load
from optiwidgets.engine.types.recipe import Recipe

pytestmark = pytest.mark.browser

SPARSE = Recipe(sparsity=0.9, bits=4)


def settle_on(explorer: ExplorerPage, recipe: Recipe) -> None:
    explorer.open_controls()
    explorer.set("Sparsity", round(100 * recipe.sparsity))
    explorer.set("Bit-width", (1, 2, 3, 4, 5, 6, 7, 8, 16, 32).index(recipe.bits))
    explorer.wait_for(sparsity=recipe.sparsity, bits=recipe.bits)


def download(explorer: ExplorerPage, name: str) -> bytes:
    link = explorer.root.get_by_role("link", name=name, exact=True)
    return base64.b64decode((link.get_attribute("href") or "").partition(",")[2])


def test_the_waterfall_is_the_accounts_of_the_recipe_on_the_handles(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    explorer.root.get_by_role("tab", name="Size and speed").click()
    settle_on(explorer, SPARSE)
    account = digits.run(SPARSE).reconcile()
    waterfall = explorer.root.locator(".ow-waterfall:not(.ow-stale)")
    last = account.steps[-1]
    expect(waterfall).to_contain_text(f"{last.name}{last.bytes:,} B")
    labels = waterfall.get_by_role("listitem").evaluate_all(
        "(nodes) => nodes.map((node) => node.getAttribute('aria-label').replace(/ \\(.*/, ''))"
    )
    assert labels == [
        *(f"{step.name}: {step.bytes:,} bytes" for step in account.steps),
        f"zlib of the rounded floats, as in tutorials: {account.tutorial_bytes:,} bytes",
        f"order-0 entropy: an estimate: {round(account.estimate_bytes):,} bytes",
    ]


def test_speed_is_measured_at_rest_and_says_why_there_is_no_gain(explorer: ExplorerPage) -> None:
    explorer.root.get_by_role("tab", name="Size and speed").click()
    settle_on(explorer, SPARSE)
    speed = explorer.root.locator(".ow-speed")
    expect(speed).to_contain_text(re.compile(r"agree on (99\.\d|100\.0) % of the images"))
    expect(speed).to_contain_text("dense kernels multiply by zero as by any number")
    expect(speed).to_contain_text("Below 8 bits no CPU runtime has convolution kernels")
    dense = speed.get_by_role("table", name="ONNX Runtime, whose kernels are dense")
    expect(dense.get_by_role("row")).to_have_count(5)
    skipping = speed.get_by_role("table", name="If your device skipped zeros")
    if load() is None:
        expect(speed).to_contain_text("not timed here, since the sparse runtime is absent")
    else:
        expect(skipping.get_by_role("row")).to_have_count(5)
    expect(explorer.headline("verdict")).not_to_contain_text("cannot tell", ignore_case=True)


def test_files_to_keep_are_those_of_the_recipe_on_the_handles(
    explorer: ExplorerPage, digits: Experiment, tmp_path: Path
) -> None:
    explorer.root.get_by_role("tab", name="Figure").click()
    picture = explorer.root.locator("img.ow-figure:not(.ow-stale)")
    expect(explorer.root.get_by_role("link", name="PNG", exact=True)).to_be_visible()
    before = picture.get_attribute("src")
    settle_on(explorer, SPARSE)
    expect(picture).not_to_have_attribute("src", before or "")
    report = digits.run(SPARSE)
    (tmp_path / "m.owz").write_bytes(download(explorer, "packed file"))
    assert (tmp_path / "m.owz").stat().st_size == report.size.total_bytes
    with torch.inference_mode():
        guesses = load_packed(tmp_path / "m.owz")(digits.dataset.exploration[0]).argmax(1)
    assert guesses.tolist() == report.predictions.tolist()
    onnx.checker.check_model(onnx.load_from_string(download(explorer, "ONNX")))
    assert download(explorer, "PNG").startswith(b"\x89PNG")
    assert b"<svg" in download(explorer, "SVG")


def test_fine_tuning_wins_accuracy_back_and_says_so(explorer: ExplorerPage) -> None:
    settle_on(explorer, Recipe(sparsity=0.9))
    broken = explorer.value("accuracy")
    explorer.button("Fine-tune").click()
    explorer.wait_for(sparsity=0.9, recovery="finetune")
    assert explorer.value("accuracy") > broken + 0.3
    assert "Fine-tuned" in explorer.message()
    explorer.set("Bit-width", 5)
    explorer.wait_for(sparsity=0.9, bits=6, recovery="finetune")
    assert explorer.value("accuracy") > broken + 0.3
    explorer.slider("Sparsity").press("ArrowLeft")
    explorer.wait_for(sparsity=0.89, recovery="none")
    assert "Not fine-tuned" in explorer.message()


def test_looking_at_another_tab_does_not_end_fine_tuning(held: ExplorerPage, gate: Gate) -> None:
    settle_on(held, Recipe(sparsity=0.93))
    gate.close()
    held.button("Fine-tune").click()
    expect(held.root.locator(".ow-progress")).to_contain_text("of 5, loss")
    held.root.get_by_role("tab", name="Size and speed").click()
    expect(held.root.locator(".ow-speed")).to_be_visible()
    gate.open()
    held.wait_for(sparsity=0.93, recovery="finetune")


def test_cancel_leaves_what_was_there_marked_stale(held: ExplorerPage, gate: Gate) -> None:
    settle_on(held, Recipe(sparsity=0.95))
    before = held.value("accuracy")
    gate.close()
    held.button("Fine-tune").click()
    expect(held.root.locator(".ow-progress")).to_contain_text("of 20, loss")
    assert held.state() == "running"
    held.button("Cancel").click()
    expect(held.button("Cancel")).to_be_hidden()
    expect(held.button("Fine-tune")).to_be_enabled()
    expect(held.root).to_have_attribute("data-ow-state", "stale")
    expect(held.line).to_contain_text("Not fine-tuned: cancelled.")
    assert (held.recipe()["sparsity"], held.recipe()["recovery"]) == (0.95, "none")
    assert held.value("accuracy") == before
    held.slider("Sparsity").press("ArrowRight")
    held.wait_for(sparsity=0.96, recovery="none")


def test_another_policy_judges_the_same_report(explorer: ExplorerPage) -> None:
    settle_on(explorer, Recipe(sparsity=0.97))
    expect(explorer.headline("verdict")).to_have_attribute("data-ow-value", "bad")
    card = explorer.root.get_by_role("region", name="Verdict")
    expect(card).to_contain_text("mobile app")
    explorer.policy.select_option("medical image")
    expect(card).to_contain_text("medical image")
    explorer.wait_for(sparsity=0.97)
