"""Requirements of the oldest torch follow pyproject.toml."""

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def oldest() -> ModuleType:
    spec = importlib.util.spec_from_file_location("oldest", ROOT / ".ci" / "oldest.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def test_torch_is_the_lower_bound_and_torchvision_stays_away(
    oldest: ModuleType, project: dict[str, Any]
) -> None:
    lines = oldest.requirements(project)
    (bound,) = (line for line in project["dependencies"] if line.startswith("torch>="))
    assert bound.replace(">=", "==") in lines
    assert bound not in lines
    assert not [line for line in lines if line.startswith("torchvision")]
    left = {line for line in project["dependencies"] if not line.startswith("torch")}
    assert left <= set(lines)
    assert {"pytest>=8", "hypothesis>=6.100"} <= set(lines)


@pytest.mark.parametrize("bound", ["torch", "torch<3", "torch>=2,<3"])
def test_a_torch_without_a_plain_lower_bound_is_refused(
    oldest: ModuleType, project: dict[str, Any], bound: str
) -> None:
    project["dependencies"] = ["numpy>=1.26", bound, "torchvision"]
    with pytest.raises(ValueError, match='name torch once, as "torch>=" and a release'):
        oldest.requirements(project)


def test_a_tool_that_is_no_longer_asked_for_is_named(
    oldest: ModuleType, project: dict[str, Any]
) -> None:
    project["optional-dependencies"]["dev"].remove("pytest>=8")
    with pytest.raises(ValueError, match="the extra 'dev' lacks pytest"):
        oldest.requirements(project)
