"""Command line: ``optiwidgets app``, ``serve``, ``handout``, ``notebook``, ``site``, ``scorm``."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optiwidgets as ow
from optiwidgets.hosting.classes.forget_command import add_forget
from optiwidgets.hosting.installed_extras import MissingExtraError, require
from optiwidgets.publishing import question_commands, saved_command, scorm_command, site_command
from optiwidgets.publishing.handout import add_handout

LESSONS = Path(__file__).resolve().parent.parent / "lessons"  # of a checkout
DATASETS = "digits, smear, scenes, smear-fields, fashion-mnist, cifar10, or a folder of classes"
CASES = ("digits", "smear", "scenes", "smear-fields")
BOXED = ("scenes", "smear-fields")  # datasets of a detector
OWN_CASE = "OPTIWIDGETS_OWN_CASE"  # as session/shipped_cases.py reads it
SECRETS = {  # option of `serve` -> its help
    "token": "secret of teachers",
    "password": "secret of students",
}
MAX_USERS = 10_000
MAX_SIZE = 640
MAX_EPOCHS, MAX_SEED, MAX_PORT, MAX_JOBS, MAX_STEPS = 10_000, 2**32 - 1, 65_535, 256, 1000
SWEPT = {  # option of `sweep` -> its default, the type of its values, its help
    "sparsity": ("0:0.95:0.05", float, "fractions, or START:STOP:STEP, both ends included"),
    "bits": ("2,3,4,8,32", int, "bits per weight"),
    "pruning": ("global", str, "scopes of pruning"),
    "score": ("magnitude", str, "pruning scores"),
    "scheme": ("symmetric", str, "mappings from codes to values"),
    "recovery": ("none", str, "recovery methods"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 on success, 2 on an error, 130 if interrupted.

    Examples
    --------
    >>> main(["train", "digits", "--model", "small", "--output", "no/such/folder/net.safetensors"])
    2
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except (ValueError, OSError, MissingExtraError) as error:
        print(f"optiwidgets {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("optiwidgets", description=ow.__doc__)
    parser.add_argument("--version", action="version", version=f"optiwidgets {ow.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    app = commands.add_parser("app", help="serve the lessons in a browser, code hidden")
    app.add_argument("--port", type=_whole(0, MAX_PORT), default=8866, help="8866; 0: any free one")
    app.add_argument(
        "--lessons", type=Path, default=LESSONS, metavar="DIR", help="folder of notebooks"
    )
    app.add_argument(
        "--case", type=Path, metavar="FILE", help="model file of `train`, for the explorer"
    )
    app.add_argument("--images", type=Path, metavar="FOLDER", help="images it was trained on")
    app.set_defaults(run=_app)
    _add_serve(commands.add_parser("serve", help="serve the lessons to a class: forked kernels"))
    add_forget(commands.add_parser("forget", help="wipe names, answers and votes of a class"))
    add_handout(commands.add_parser("handout", help="write the explorer as one HTML file"))
    site_command.add_to(commands, LESSONS, require)
    scorm_command.add_to(commands, LESSONS, require)
    saved_command.add_to(commands, require)
    _add_sweep(commands.add_parser("sweep", help="run many recipes, and print the pareto front"))
    _add_train(commands.add_parser("train", help="train a model on your images, or continue one"))
    question_commands.add_questions(
        commands.add_parser("questions", help="check files of questions, print sheets")
    )
    return parser


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("dataset", help=DATASETS)
    train.add_argument(
        "--from",
        "--model",
        dest="start",
        metavar="MODEL",
        help="small (the default), wide, resnet18, center for boxes, or a file of this command",
    )
    train.add_argument("--size", type=_whole(8, MAX_SIZE), help="edge of a folder's pictures; 32")
    train.add_argument("--epochs", type=_whole(1, MAX_EPOCHS), default=60, help="60")
    train.add_argument("--seed", type=_whole(0, MAX_SEED), default=0, help="0")
    train.add_argument(
        "--keep",
        choices=("best", "last"),
        default="best",
        help="which epoch: best on calibration images (the default), or last",
    )
    train.add_argument(
        "--out", "--output", type=Path, metavar="FILE", help="DATASET-MODEL.safetensors"
    )
    train.set_defaults(run=_train)


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--port", type=_whole(0, MAX_PORT), default=8866, help="8866; 0: a free one")
    serve.add_argument("--host", default="127.0.0.1", help="127.0.0.1; 0.0.0.0: whole network")
    serve.add_argument(
        "--lessons", type=Path, default=LESSONS, metavar="DIR", help="folder of notebooks"
    )
    serve.add_argument("--case", choices=CASES, default="", help="first case of the explorer")
    serve.add_argument(
        "--max-users", type=_whole(1, MAX_USERS), help="by default as many as fit into memory"
    )
    serve.add_argument("--state", type=Path, metavar="DIR", help="private folder of the votes")
    for name, meaning in SECRETS.items():
        variable = f"OPTIWIDGETS_{name.upper()}"
        given = os.environ.get(variable, "")
        serve.add_argument(f"--{name}", default=given, help=f"{meaning}; better in {variable}")
    serve.set_defaults(run=_serve)


def _add_sweep(sweep: argparse.ArgumentParser) -> None:
    sweep.add_argument("case", help="digits, smear, smear-rare or smear-200")
    sweep.add_argument("--model", default="small", help="small (the default) or wide")
    for field, (default, kind, meaning) in SWEPT.items():
        read = _values(field, kind)
        sweep.add_argument(
            f"--{field}", type=read, default=default, metavar="LIST", help=f"{meaning}; {default}"
        )
    sweep.add_argument("--output", type=Path, metavar="FILE", help="CASE-MODEL.sweep.jsonl")
    sweep.add_argument("--jobs", type=_whole(1, MAX_JOBS), help="processes; by default this one")
    sweep.set_defaults(run=_sweep)


def _values(field: str, kind: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """Return a parser of comma-separated values of a recipe's field."""

    def read(text: str) -> list[Any]:
        try:
            ranged = kind is float and ":" in text
            found: list[Any] = _range(text) if ranged else [kind(one) for one in text.split(",")]
        except ValueError as error:
            form = "START:STOP:STEP or a comma list of numbers" if kind is float else "a comma list"
            raise argparse.ArgumentTypeError(f"{form}, not {text!r} ({error})") from error
        for value in found:
            try:
                ow.Recipe(**{field: value})
            except ValueError as error:
                raise argparse.ArgumentTypeError(str(error)) from error
        return found

    return read


def _range(text: str) -> list[float]:
    """Parse START:STOP:STEP, both ends included."""
    start, stop, step = map(float, text.split(":"))
    steps = (stop - start) / step if step else -1
    if not 0 <= steps < MAX_STEPS:
        raise ValueError(f"STEP leads from START to STOP in 0 to {MAX_STEPS} steps")
    return [round(start + i * step, 9) for i in range(int(steps + 1e-9) + 1)]


def _whole(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from ``low`` to ``high``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"a whole number from {low} to {high}, not {text!r}")
        return value

    return read


def _app(arguments: argparse.Namespace) -> None:
    require("app")
    from optiwidgets.hosting.app import Hosting, serve

    if arguments.images and not arguments.case:
        raise ValueError("--images is the folder that the model of --case was trained on")
    case = _own_case(arguments.case, arguments.images) if arguments.case else ""
    serve(Hosting(arguments.lessons, arguments.port, case=case))


def _own_case(path: Path, images: Path | None) -> str:
    """Check that a trained model loads, set it for the kernels, and return its quoted name."""
    if path.suffix != ".safetensors":
        raise ValueError(
            f"--case is a .safetensors file written by `optiwidgets train`, not {path}"
        )
    given = None if images is None else str(images.resolve())
    ow.Experiment.load(path, images=given)
    os.environ[OWN_CASE] = json.dumps([str(path.resolve()), given])
    return quote(path.stem)


def _serve(arguments: argparse.Namespace) -> None:
    require("app")
    from optiwidgets.hosting.app import Hosting, serve

    given = {k: v for k, v in vars(arguments).items() if k not in ("command", "run")}
    for name in (*SECRETS, "progress"):  # kernels inherit the environment; students share no file
        os.environ.pop(f"OPTIWIDGETS_{name.upper()}", None)
    serve(Hosting(**given, forked=True))


def _sweep(arguments: argparse.Namespace) -> None:
    output = arguments.output or Path(f"{arguments.case}-{arguments.model}.sweep.jsonl")
    _check_writable(output)
    recipes = _recipes(arguments)
    experiment = ow.Experiment.load(arguments.case, model=arguments.model)
    sweep = experiment.sweep(recipes, output, jobs=arguments.jobs)
    metric = next((trial.metric for trial in sweep.frontier), "accuracy")
    print(f"{'bytes':>9}  {'smaller':>8}  {metric:>8}  {'drop (95 % interval)':>24}  recipe")
    for trial in sweep.frontier:
        print(
            f"{trial.total_bytes:9,}  {trial.ratio:7.1f}x  {trial.value:8.1%}  "
            f"{trial.drop:6.1f} ({trial.drop_low:5.1f} to {trial.drop_high:5.1f})  {trial.recipe}"
        )
    print(
        f"{output}: {len(sweep)} recipes on {sweep.images:,} exploration images; those above are "
        f"beaten by none in bytes and {metric}"
    )
    for trial in sweep.failed[:1]:
        print(f"{len(sweep.failed)} could not be run; {trial.recipe}: {trial.error}")


def _recipes(arguments: argparse.Namespace) -> list[ow.Recipe]:
    """Return all combinations of the listed values that are valid recipes."""
    recipes, refused = [], []
    for values in product(*(getattr(arguments, field) for field in SWEPT)):
        try:
            recipes.append(ow.Recipe(**dict(zip(SWEPT, values, strict=True))))
        except ValueError as error:
            refused.append(str(error))
    if not recipes:
        raise ValueError(refused[0])
    if refused:
        print(f"left out {len(refused)} combinations: {refused[0]}", file=sys.stderr)
    return recipes


def _train(arguments: argparse.Namespace) -> None:
    start = arguments.start or ("center" if arguments.dataset in BOXED else "small")
    output = arguments.out or Path(f"{Path(arguments.dataset).name}-{Path(start).stem}.safetensors")
    _check_writable(output)
    sized = {} if arguments.size is None else {"size": arguments.size}
    if sized and not Path(arguments.dataset).is_dir():
        raise ValueError(f"--size is for a folder of pictures, and {arguments.dataset!r} is none")
    dataset = ow.load_dataset(arguments.dataset, **sized)
    epochs: list[Any] = []
    options = {name: getattr(arguments, name) for name in ("epochs", "seed", "keep")}
    net = ow.train(dataset, start, on_epoch=epochs.append, **options)
    _write(net, output, dataset)
    print(f"{output}: {_figures(net, dataset)}")
    if len(epochs) < arguments.epochs:
        print(f"interrupted after {len(epochs)} of {arguments.epochs} epochs; the file is usable")
    if Path(arguments.dataset).is_dir():
        print(f"open it: ow.Experiment.load({str(output)!r}, images={arguments.dataset!r}), or")
        print(
            shlex.join(["optiwidgets", "app", "--case", str(output), "--images", arguments.dataset])
        )


def _figures(net: Any, dataset: ow.Dataset) -> str:
    """Measure a trained model on the exploration images."""
    report = ow.Experiment(net, dataset).run(ow.Recipe())
    low, high = report.outcome.interval
    interval = f"(95 % interval {low:.1%} to {high:.1%})"
    return f"{report.outcome.words} on {report.count} exploration images {interval}"


def _check_writable(output: Path) -> None:
    """Check before a long run that the output file can be written."""
    if output.is_dir():
        raise ValueError(f"--output is a file, {output} is a folder")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise ValueError(f"--output cannot be written: {output.parent} is no writable folder")


def _write(net: Any, output: Path, dataset: ow.Dataset) -> None:
    """Write the model file atomically: next to the target, then rename."""
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".train-") as folder:
        part = Path(folder, output.name)
        ow.save_trained(net, part, dataset)
        os.replace(part, output)


if __name__ == "__main__":
    sys.exit(main())
