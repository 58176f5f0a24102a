"""Requirements of the engine's unit tests with torch at the lower bound of pyproject.toml.

Without torchvision: every release of it wants one release of torch, of the same build. Tests that
need it skip themselves.
"""

import re
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"torch>=([\d.]+)")
LEFT_OUT = re.compile(r"torchvision\b")
# Of the extra "dev".
TOOLS = ("hypothesis", "pycocotools", "pytest", "pytest-xdist", "scikit-learn")


def requirements(project: dict) -> list[str]:
    """List pip's requirements: ``torch==`` its lower bound, all else as the project has it.

    Raises
    ------
    ValueError
        There is no lower bound of torch, or a tool is no longer in the extra "dev".

    Examples
    --------
    >>> dev = [*TOOLS, "ruff>=0.6"]
    >>> asked = {"dependencies": ["torch>=2.13", "torchvision", "numpy>=1.26"]}
    >>> requirements({**asked, "optional-dependencies": {"dev": dev}})[:3]
    ['torch==2.13', 'numpy>=1.26', 'hypothesis']
    """
    lines = [line for line in project["dependencies"] if not LEFT_OUT.match(line)]
    bounds = [found[1] for line in lines if (found := BOUND.fullmatch(line))]
    if len(bounds) != 1:
        raise ValueError('the project\'s dependencies name torch once, as "torch>=" and a release')
    pinned = [f"torch=={bounds[0]}" if BOUND.fullmatch(line) else line for line in lines]
    dev = {re.split(r"[^\w-]", line)[0]: line for line in project["optional-dependencies"]["dev"]}
    if missing := [tool for tool in TOOLS if tool not in dev]:
        raise ValueError(f"the extra 'dev' lacks {', '.join(missing)}")
    return [*pinned, *(dev[tool] for tool in TOOLS)]


if __name__ == "__main__":
    path = Path(__file__).parents[1] / "pyproject.toml"
    found = requirements(tomllib.loads(path.read_text())["project"])
    sys.stdout.writelines(f"{line}\n" for line in found)
