"""The command line: ``optiwidgets app`` and ``optiwidgets train``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import optiwidgets as ow

LESSONS = Path(__file__).resolve().parent.parent / "lessons"  # of a checkout
DATASETS = "digits, smear, fashion-mnist, cifar10, or a folder of classes"
MAX_EPOCHS, MAX_SEED, MAX_PORT = 10_000, 2**32 - 1, 65_535


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 if what was asked cannot be done, 130 if interrupted.

    Examples
    --------
    >>> main(["train", "digits", "--model", "small", "--output", "no/such/folder/net.safetensors"])
    2
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except (ValueError, OSError) as error:
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
    app.add_argument("--lessons", type=Path, default=LESSONS, metavar="DIR", help="of notebooks")
    app.set_defaults(run=_app)
    train = commands.add_parser("train", help="train one of the small CNNs from scratch")
    train.add_argument("dataset", help=DATASETS)
    train.add_argument("--model", default="small", help="small (the default) or wide")
    train.add_argument("--epochs", type=_whole(1, MAX_EPOCHS), default=60, help="60")
    train.add_argument("--seed", type=_whole(0, MAX_SEED), default=0, help="0")
    train.add_argument("--output", type=Path, metavar="FILE", help="DATASET-MODEL.safetensors")
    train.set_defaults(run=_train)
    return parser


def _whole(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from ``low`` to ``high``."""

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
    from optiwidgets.hosting import serve

    serve(arguments.lessons, arguments.port)


def _train(arguments: argparse.Namespace) -> None:
    output = arguments.output or Path(
        f"{Path(arguments.dataset).name}-{arguments.model}.safetensors"
    )
    _check_writable(output)
    dataset = ow.load_dataset(arguments.dataset)
    net = ow.train(dataset, arguments.model, epochs=arguments.epochs, seed=arguments.seed)
    _write(net, output)
    report = ow.Experiment(net, dataset).run(ow.Recipe())
    low, high = report.accuracy_interval
    print(
        f"{output}: accuracy {report.confusion.accuracy:.1%} on {len(report.labels)} exploration "
        f"images (95 % interval {low:.1%} to {high:.1%})"
    )


def _check_writable(output: Path) -> None:
    """Find out before the training, not after it."""
    if output.is_dir():
        raise ValueError(f"--output is a file, {output} is a folder")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise ValueError(f"--output cannot be written: no folder {output.parent} that lets you")


def _write(net: ow.CNN, output: Path) -> None:
    """Write beside the target and rename: the file is there whole, or not at all."""
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".train-") as folder:
        part = Path(folder, output.name)
        ow.save_weights(net, part)
        os.replace(part, output)


if __name__ == "__main__":
    sys.exit(main())
