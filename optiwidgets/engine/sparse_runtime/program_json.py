"""Program of the sparse runtime as JSON, for the runtime of a page."""

from __future__ import annotations

from typing import Any

from optiwidgets.engine.sparse_runtime.steps import ACTIVATIONS, KINDS, Program, Step


def write_program(program: Program) -> dict[str, Any]:
    """Write a program as JSON: values by index, the images first; kinds as the kernel counts them.

    Raises
    ------
    ValueError
        The program has a step that only Python prepares: a normalization, or copied channels.

    Examples
    --------
    >>> from optiwidgets.engine.sparse_runtime.steps import Value
    >>> values = {"images": Value((1, 4, 4)), "out": Value((2, 1, 1))}
    >>> step = Step("conv", ("images",), "out", weight="w", kernel=(4, 4))
    >>> written = write_program(Program((step,), values, "images", "out"))
    >>> written["values"][1], written["steps"][0]["weight"], written["answer"]
    ({'shape': [2, 1, 1], 'ring': [0, 0, 0, 0]}, 'w', 1)
    """
    names = [program.images, *(name for name in program.values if name != program.images)]
    index = {name: i for i, name in enumerate(names)}
    values = [program.values[name] for name in names]
    return {
        "values": [{"shape": list(v.shape), "ring": list(v.ring)} for v in values],
        "steps": [_write_step(step, index) for step in program.steps],
        "answer": index[program.scores],
    }


def _write_step(step: Step, index: dict[str, int]) -> dict[str, Any]:
    if step.taken or step.kind == "scale":
        raise ValueError("a page's runtime has no copied channels and no normalization")
    return {
        "kind": KINDS.index(step.kind),
        "activation": ACTIVATIONS.index(step.activation),
        "halve": step.halve,
        "inputs": [index[name] for name in step.inputs],
        "output": index[step.output],
        "weight": step.weight,
        "bias": step.bias,
        "kernel": list(step.kernel),
        "stride": list(step.stride),
        "dilation": list(step.dilation),
        "pads": list(step.pads[:2]),
        "groups": step.groups,
        "counts_pads": step.counts_pads,
        "at": step.at,
    }
