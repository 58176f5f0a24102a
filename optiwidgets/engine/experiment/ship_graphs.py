"""Export of the shipped models' graphs: ``python -m optiwidgets.engine.experiment.ship_graphs``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.models.batchnorm_folding import fold
from optiwidgets.engine.models.zoo import SHIPPED, load_trained
from optiwidgets.engine.onnx_runtime.export import GRAPHS, ship


def ship_graphs(cases: Sequence[str] = tuple(SHIPPED), folder: Path = GRAPHS) -> list[Path]:
    """Export the graph of each case's first model; models of a case differ in width alone.

    Parameters
    ----------
    cases
        Names of cases with weights of their own.
    folder
        Where the graphs are written, named by the code that they depend on.

    Returns
    -------
    list
        The files, a case each.

    Raises
    ------
    ValueError
        There is no such case.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.suffix for path in ship_graphs(["smear"], Path(folder))]
    ['.onnx']
    """
    if unknown := [case for case in cases if case not in SHIPPED]:
        raise ValueError(f"case is one of {', '.join(SHIPPED)}, not {unknown[0]!r}")
    return [_ship(case, folder) for case in cases]


def _ship(case: str, folder: Path) -> Path:
    images, _ = load_dataset(case).exploration
    return ship(fold(load_trained(SHIPPED[case][0], case)), images[:1], folder)


if __name__ == "__main__":
    sys.stdout.writelines(f"{path.name}\n" for path in ship_graphs(sys.argv[1:] or tuple(SHIPPED)))
