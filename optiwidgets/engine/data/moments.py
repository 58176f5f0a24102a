"""Validation of the mean and std of a normalization."""

from __future__ import annotations

from collections.abc import Sequence

import torch

Moment = float | Sequence[float] | None  # one number, one per channel, or unknown


def check_moments(mean: object, std: object, channels: int) -> None:
    """Raise ValueError unless mean and std are finite, one or one per channel, and std above 0."""
    for name, value in (("mean", mean), ("std", std)):
        try:
            numbers = torch.as_tensor(value, dtype=torch.float64).flatten()
        except (TypeError, ValueError, RuntimeError):  # not numbers
            numbers = torch.empty(0)
        if len(numbers) not in (1, channels) or not torch.isfinite(numbers).all():
            raise ValueError(
                f"{name} is one finite number or one per channel ({channels}), not {value!r}"
            )
        if name == "std" and (numbers <= 0).any():
            raise ValueError(f"std is above 0, not {value!r}")
