"""The command line: files, messages and refused arguments."""

import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

import optiwidgets as ow
from optiwidgets.cli import main
from optiwidgets.hosting.app import Hosting
from optiwidgets.session import shipped_cases

REFUSED = [
    (["train", "digits", "--epochs", "0"], "--epochs: a whole number from 1 to 10000, not '0'"),
    (
        ["train", "digits", "--epochs", "many"],
        "--epochs: a whole number from 1 to 10000, not 'many'",
    ),
    (["train", "digits", "--seed", "-1"], "--seed: a whole number from 0 to 4294967295, not '-1'"),
    (
        ["train", "digits", "--seed", "1.5"],
        "--seed: a whole number from 0 to 4294967295, not '1.5'",
    ),
    (["app", "--port", "65536"], "--port: a whole number from 0 to 65535, not '65536'"),
    (["fly"], "invalid choice: 'fly'"),
    (["sweep"], "required: case"),
    (["sweep", "digits", "--sparsity", "0,1.5"], "sparsity is a fraction from 0 to 0.99, not 1.5"),
    (["sweep", "digits", "--sparsity", "0:0.9:0"], "STEP leads from START to STOP in 0 to 1000"),
    (["sweep", "digits", "--sparsity", "0.9:0:0.1"], "STEP leads from START to STOP in 0 to 1000"),
    (["sweep", "digits", "--sparsity", "0:0.9:1e-9"], "STEP leads from START to STOP in 0 to 1000"),
    (["sweep", "digits", "--sparsity", "0:nan:0.1"], "STEP leads from START to STOP in 0 to 1000"),
    (["sweep", "digits", "--sparsity", "0:1"], "START:STOP:STEP or a comma list of numbers, not"),
    (["sweep", "digits", "--bits", "9"], "--bits: bits per weight are 1 to 8, 16 or 32, not 9"),
    (["sweep", "digits", "--bits", "4,"], "--bits: a comma list, not '4,'"),
    (["sweep", "digits", "--pruning", "rows"], "pruning is one of 'global', "),
    (["sweep", "digits", "--scheme", ""], "scheme is one of 'symmetric', "),
    (["sweep", "digits", "--jobs", "0"], "--jobs: a whole number from 1 to 256, not '0'"),
    ([], "required: command"),
]


@pytest.fixture
def tiny() -> ow.Dataset:
    """Dataset of three classes, with 12 images of 8 x 8 pixels per part."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(12) % 3
    parts = [(torch.rand(12, 1, 8, 8, generator=generator), labels) for _ in range(4)]
    names = ("train", "calibration", "exploration", "sealed")
    return ow.Dataset(**dict(zip(names, parts, strict=True)), class_names=("a", "b", "c"))


@pytest.fixture
def tiny_digits(tiny: ow.Dataset, monkeypatch: pytest.MonkeyPatch) -> ow.Dataset:
    monkeypatch.setattr(ow, "load_dataset", lambda name: tiny)
    return tiny


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_a_bad_value_is_refused_by_name_and_range(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digits", "--model", "big"], "model is one of 'small', 'wide', 'resnet18' or"),
        (["digits", "--from", "no.safetensors"], "no.safetensors"),
        (["digits", "--size", "64"], "--size is for a folder of pictures, and 'digits' is none"),
        (["faces"], "dataset is one of 'digits', "),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("output", "message"),
    [(".", "is a folder"), ("no/such/folder/net.safetensors", "is no writable folder")],
)
def test_a_place_that_cannot_be_written_is_refused_before_training(
    output: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ow, "train", lambda *_, **__: pytest.fail("trained in vain"))
    assert main(["train", "digits", "--output", output]) == 2
    assert message in capsys.readouterr().err


def test_training_writes_a_model_that_loads_and_says_how_good_it_is(
    tiny_digits: ow.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "net.safetensors"
    assert main(["train", "digits", "--epochs", "1", "--output", str(output)]) == 0
    report = ow.Experiment(ow.load_weights(output), tiny_digits).run(ow.Recipe())
    low, high = report.accuracy_interval
    said = capsys.readouterr().out
    assert f"{report.outcome.words} on 12 exploration images" in said
    assert f"(95 % interval {low:.1%} to {high:.1%})" in said
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


def test_training_writes_a_detector_for_images_with_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = torch.tensor([[[4.0, 4, 20, 28, 1, 0]], [[0.0, 8, 16, 20, 0, 0]]])
    part = (torch.randn(2, 1, 32, 32), boxes)
    names = ("train", "calibration", "exploration", "sealed")
    scenes = ow.Dataset(**dict.fromkeys(names, part), class_names=("a", "b"), name="mine")
    monkeypatch.setattr(ow, "load_dataset", lambda name: scenes)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "scenes", "--epochs", "1"]) == 0
    said = capsys.readouterr().out
    assert re.match(r"scenes-center\.safetensors: mAP@0\.5 0\.\d{3} on 2 exploration images", said)
    assert main(["train", "scenes", "--model", "scenes-center.safetensors", "--epochs", "1"]) == 0
    assert main(["train", "scenes", "--model", "wide", "--epochs", "1"]) == 2
    assert "model of images with boxes is 'center' or" in capsys.readouterr().err


def test_the_same_seed_trains_the_same_model(tiny_digits: ow.Dataset, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("first", "second", "other")]
    for file, seed in zip(files, "778", strict=True):
        main(["train", "digits", "--epochs", "1", "--seed", seed, "--output", str(file)])
    first, second, other = (file.read_bytes() for file in files)
    assert first == second != other


def test_a_file_is_named_after_dataset_and_model_where_none_is_named(
    tiny_digits: ow.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits", "--model", "wide", "--epochs", "1"]) == 0
    assert (tmp_path / "digits-wide.safetensors").is_file()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tiny_digits: ow.Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def half_a_file(net: ow.CNN, path: Path, dataset: ow.Dataset) -> None:
        path.write_text("half")
        raise OSError("No space left on device")

    output = tmp_path / "net.safetensors"
    output.write_text("old")
    monkeypatch.setattr(ow, "save_trained", half_a_file)
    assert main(["train", "digits", "--epochs", "1", "--output", str(output)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """Folder of drawn shapes: 24 red discs and 24 green squares."""
    draw = random.Random(0)
    for name in ("disc", "square"):
        (tmp_path / "shapes" / name).mkdir(parents=True)
        for number in range(24):
            picture = Image.new("RGB", (40, 30), (60, 60, draw.randint(60, 90)))
            x, y = draw.randint(3, 12), draw.randint(3, 8)
            pen, box = ImageDraw.Draw(picture), (x, y, x + 18, y + 18)
            if name == "disc":
                pen.ellipse(box, fill=(200, 30, 30))
            else:
                pen.rectangle(box, fill=(30, 200, 30))
            picture.save(tmp_path / "shapes" / name / f"{number}.png")
    return tmp_path / "shapes"


def test_a_folder_becomes_a_case(
    shapes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "my net.safetensors"
    arguments = ["--size", "16", "--epochs", "8", "--from", "small", "--out", str(output)]
    assert main(["train", str(shapes), *arguments]) == 0
    said = capsys.readouterr().out
    experiment = ow.Experiment.load(output, images=shapes)
    report = experiment.run(ow.Recipe())
    assert report.class_names == ("disc", "square")
    assert experiment.dataset.train[0].shape[1:] == (3, 16, 16)
    assert f"{report.outcome.words} on" in said
    assert report.confusion.accuracy > 0.9
    assert f"optiwidgets app --case '{output}' --images {shapes}" in said
    # the explorer offers it
    served: list[Hosting] = []
    monkeypatch.setattr("optiwidgets.hosting.app.serve", served.append)
    monkeypatch.setenv(shipped_cases.OWN_CASE, "")
    assert main(["app", "--case", str(output), "--images", str(shapes)]) == 0
    assert served[0].case == "my%20net"
    session = ow.Session()
    assert list(session.cases) == [*shipped_cases.CASES, "my net"]
    session.case = "my net"
    assert session.report.confusion.accuracy == report.confusion.accuracy
    # a training continues from the file
    again = tmp_path / "again.safetensors"
    arguments = ["--size", "16", "--epochs", "1", "--from", str(output), "--out", str(again)]
    assert main(["train", str(shapes), *arguments]) == 0
    report = ow.Experiment.load(again, images=shapes).run(ow.Recipe())
    assert report.confusion.accuracy > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--case", "none.safetensors"], "none.safetensors"),
        (["--case", "digits"], "--case is a .safetensors file written by `optiwidgets train`"),
        (["--images", "shapes"], "--images is the folder that the model of --case was trained on"),
    ],
)
def test_an_app_of_no_model_is_refused_before_it_is_served(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("optiwidgets.hosting.app.serve", lambda _: pytest.fail("served"))
    assert main(["app", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_interrupted_training_writes_its_best_epoch(
    tiny_digits: ow.Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    epochs: list[int] = []
    train = ow.train

    def interrupted(*given: Any, on_epoch: Any, **more: Any) -> Any:
        def stop(epoch: Any) -> None:
            on_epoch(epoch)
            epochs.append(epoch.number)
            if len(epochs) == 2:
                raise KeyboardInterrupt

        return train(*given, on_epoch=stop, **more)

    monkeypatch.setattr(ow, "train", interrupted)
    output = tmp_path / "net.safetensors"
    assert main(["train", "digits", "--epochs", "9", "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert epochs == [1, 2]
    assert "interrupted after 2 of 9 epochs; the file is usable" in said
    assert "interrupted: kept epoch" in said
    ow.load_weights(output)


def test_an_interrupted_command_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str) -> ow.Dataset:
        raise KeyboardInterrupt

    monkeypatch.setattr(ow, "load_dataset", interrupt)
    assert main(["train", "digits", "--output", "net.safetensors"]) == 130


def swept(output: Path, *more: str) -> int:
    grid = ["--sparsity", "0:0.8:0.4", "--bits", "2,4"]
    return main(["sweep", "digits", *grid, "--output", str(output), *more])


def test_a_sweep_prints_its_frontier_and_goes_on_from_its_file(
    digits: ow.Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ow.Experiment, "load", lambda case, model: digits)
    output = tmp_path / "s.jsonl"
    assert swept(output) == 0
    recipes = [ow.Recipe(sparsity=s, bits=b) for s in (0, 0.4, 0.8) for b in (2, 4)]
    expected = digits.sweep(recipes, progress=False)
    said = capsys.readouterr().out
    head, *rows, last = said.splitlines()
    assert head.split() == [
        "bytes",
        "smaller",
        "accuracy",
        "drop",
        "(95",
        "%",
        "interval)",
        "recipe",
    ]
    assert [row.partition("Recipe")[2] for row in rows] == [
        str(trial.recipe).removeprefix("Recipe") for trial in expected.frontier
    ]
    assert [row.split()[0] for row in rows] == [f"{t.total_bytes:,}" for t in expected.frontier]
    assert last.startswith(f"{output}: 6 recipes on 1,500 exploration images; ")
    before = output.read_bytes()
    monkeypatch.setattr(ow.Experiment, "run", lambda *_: pytest.fail("run again"))
    assert swept(output) == 0
    assert capsys.readouterr().out == said
    assert output.read_bytes() == before


def test_combinations_without_meaning_are_left_out_and_counted(
    digits: ow.Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ow.Experiment, "load", lambda case, model: digits)
    assert swept(tmp_path / "s.jsonl", "--bits", "1,2", "--scheme", "symmetric,affine") == 0
    said = capsys.readouterr()
    assert "9 recipes" in said.out
    assert "left out 3 combinations: bits=1 and scheme='affine'" in said.err
    assert swept(tmp_path / "t.jsonl", "--bits", "1", "--scheme", "affine") == 2
    assert "bits=1 and scheme='affine' have no meaning together" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["faces"], "case is one of 'digits', 'smear'"),
        (["digits", "--model", "big"], "model for 'digits' is one of 'small', 'wide', not 'big'"),
        (["digits", "--output", "no/such/folder/s.jsonl"], "no/such/folder is no writable folder"),
        (["digits", "--output", "."], "is a folder"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_it_starts(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
