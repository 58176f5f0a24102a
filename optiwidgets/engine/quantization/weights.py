"""Quantization of weights: range, scale, codes, decoded weights.

Weight tensors O I H W (or O I) are reshaped to rows that share one scale: one row for
``granularity="tensor"``, O rows for ``granularity="channel"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.models.masking import apply_mask
from optiwidgets.engine.types.recipe import Recipe

PERCENTILE = 0.999
MOST_HALF = 65_504
MOST_QUANTILE = 2**24  # limit of torch.nanquantile, values of all rows together
MSE_STEPS = 64
LLOYD_STEPS = 300


@dataclass(frozen=True, eq=False)
class QuantizedWeight:
    """Quantized weights of a layer: codes, mask, scale and zero point, or codebook.

    Parameters
    ----------
    codes
        In the weight's shape: integers (int16) for 1 to 8 bits, half or float values for 16 and
        32. One-bit codes are -1 and +1; with a codebook they are indices into it.
    mask
        In the weight's shape, True where a weight is kept. Other weights are exactly 0.
    bits
        Bits per code.
    scale, zero_point
        (R,) float32 and int16, R = 1 or O; empty for 16 and 32 bits and with a codebook.
        ``zero_point`` is also empty for symmetric codes.
    centroids
        Codebook (k,) float32, ascending, k at most 2^bits; empty if there is none.
    """

    codes: Tensor
    mask: Tensor
    bits: int
    scale: Tensor
    zero_point: Tensor
    centroids: Tensor = field(default_factory=lambda: torch.empty(0))

    def decode(self) -> Tensor:
        """Decode the codes to float32 weights, 0 where pruned.

        A weight is scale x (code - zero point), or the centroid.

        Examples
        --------
        >>> codes, mask = torch.tensor([[-3, 1]], dtype=torch.int16), torch.tensor([[True, False]])
        >>> QuantizedWeight(codes, mask, 3, torch.tensor([0.5]), torch.empty(0)).decode()
        tensor([[-1.5000,  0.0000]])
        """
        if self.bits >= 16:
            return apply_mask(self.codes.float(), self.mask)
        if self.centroids.numel():
            return apply_mask(self.centroids[self.codes.long()], self.mask)
        column = (-1, *[1] * (self.codes.dim() - 1))
        steps = self.codes.float()
        if self.zero_point.numel():
            steps -= self.zero_point.float().view(column)
        return apply_mask(steps.mul_(self.scale.view(column)), self.mask)


def encode(weight: Tensor, mask: Tensor, recipe: Recipe) -> QuantizedWeight:
    """Quantize a float32 weight (O I H W or O I); ranges are chosen from the kept weights.

    Symmetric b bits: codes -(2^(b-1) - 1) .. 2^(b-1) - 1, round to nearest, halves to even.
    1 bit: the sign times the mean |w|. Affine: codes 0 .. 2^b - 1 and an integer zero point.
    Codebook: indices into one codebook for the layer, at any granularity. Ternary: weights with
    |w| above 0.7 times the mean |w| become their sign times the mean |w| of these weights; all
    others become 0.

    Sources: R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference",
    arXiv:1806.08342, sections 2.1-2.2; M. Rastegari et al., "XNOR-Net", ECCV 2016, equation 6
    (1 bit); F. Li et al., "Ternary weight networks", arXiv:1605.04711, equations 5-6.

    Examples
    --------
    >>> w = torch.tensor([[0.2, -0.9], [0.6, 0.0]])
    >>> quantized = encode(w, torch.ones(2, 2, dtype=torch.bool), Recipe(bits=3))
    >>> quantized.codes.tolist(), round(quantized.scale.item(), 2)
    ([[1, -3], [2, 0]], 0.3)
    """
    if recipe.bits >= 16:
        floats = weight.half() if recipe.bits == 16 else weight
        kept = apply_mask(floats, mask)
        if recipe.bits == 16 and not torch.isfinite(kept).all():
            worst = apply_mask(weight, mask).abs().max().item()
            raise ValueError(
                f"a weight of size {worst:,.6g} does not fit 16 bits (IEEE half), which hold up to "
                f"{MOST_HALF:,}; use bits=32 here, for one layer by layers=((name, None, 32),), or "
                "divide the weights by a power of two"
            )
        return QuantizedWeight(
            kept, mask, recipe.bits, torch.empty(0), torch.empty(0, dtype=torch.int16)
        )
    if recipe.scheme == "codebook":
        centroids = find_centroids(weight[mask].numpy(), 2**recipe.bits)
        codes = torch.where(mask, torch.from_numpy(nearest(weight.numpy(), centroids)), 0)
        none = torch.empty(0, dtype=torch.int16)
        return QuantizedWeight(
            codes, mask, recipe.bits, torch.empty(0), none, torch.from_numpy(centroids)
        )
    rows, kept = _rows(apply_mask(weight, mask), recipe), _rows(mask, recipe)
    scale, zero_point = _choose_qparams(rows, kept, recipe)
    codes = to_codes(rows, scale, zero_point, recipe)
    if recipe.scheme == "ternary":
        codes = rows.sign() * (rows.abs() > _threshold(rows, kept))
    return from_codes(codes.view(weight.shape), mask, scale, zero_point, recipe)


def choose_qparams(weight: Tensor, mask: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Choose scale and zero point, (R,) float32 each, R = 1 or O, for 1 to 8 bits.

    Examples
    --------
    >>> w = torch.tensor([[0.2, -0.9], [0.6, 0.0]])
    >>> choose_qparams(w, w != 0, Recipe(bits=1))
    (tensor([0.5667]), tensor([0.]))
    """
    return _choose_qparams(_rows(apply_mask(weight, mask), recipe), _rows(mask, recipe), recipe)


def _choose_qparams(rows: Tensor, kept: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    if recipe.bits > 1 and recipe.scheme != "ternary":
        return choose_scale(*choose_range(rows, kept, recipe), recipe)
    if recipe.scheme == "ternary":
        kept = kept & (rows.abs() > _threshold(rows, kept))
    # summed in float64, so that the order of the sum, which depends on the processor, has no effect
    total = torch.where(kept, rows.abs(), 0.0).sum(1, dtype=torch.float64)
    scale = (total / kept.sum(1).clamp(min=1)).float()
    return scale, torch.zeros_like(scale)


def from_codes(
    codes: Tensor, mask: Tensor, scale: Tensor, zero_point: Tensor, recipe: Recipe
) -> QuantizedWeight:
    """Make a quantized weight from codes in the weight's shape."""
    stored = zero_point if recipe.scheme == "affine" else torch.empty(0)
    return QuantizedWeight(codes.to(torch.int16), mask, recipe.bits, scale, stored.to(torch.int16))


def choose_range(rows: Tensor, mask: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Choose the range of codes, low and high (R,) each, of rows (R, n) under a mask.

    ``"minmax"`` is the range of all values; ``"percentile"`` the central 99.9 % of the kept values
    (the lowest 99.9 % of their |w| for symmetric codes); ``"mse"`` the fraction of minmax with the
    least squared error. A range always contains 0; a symmetric range is -high .. high.

    Examples
    --------
    >>> rows = torch.tensor([[0.5, -1.0, 0.0]])
    >>> choose_range(rows, rows != 0, Recipe(bits=4, scheme="affine"))
    (tensor([-1.]), tensor([0.5000]))
    """
    if recipe.clip == "percentile":
        return _percentile_range(rows, mask, recipe.scheme)
    low, high = rows.amin(1).clamp(max=0), rows.amax(1).clamp(min=0)
    if recipe.scheme == "symmetric":
        high = torch.maximum(high, -low)
        low = -high
    return _mse_range(rows, low, high, recipe) if recipe.clip == "mse" else (low, high)


def choose_scale(low: Tensor, high: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Compute scale and zero point of a range, (R,) float32 each; zero points are whole numbers.

    Examples
    --------
    >>> choose_scale(torch.tensor([-1.0]), torch.tensor([0.5]), Recipe(bits=2, scheme="affine"))
    (tensor([0.5000]), tensor([2.]))
    """
    symmetric = recipe.scheme != "affine"
    steps = 2 ** (recipe.bits - 1) - 1 if symmetric else 2**recipe.bits - 1
    scale = (high if symmetric else high - low) / steps
    tiny = torch.finfo(torch.float32).tiny
    scale = torch.where(scale < tiny, torch.ones_like(scale), scale)
    zero_point = torch.zeros_like(scale) if symmetric else (-low / scale).round().clamp(0, steps)
    return scale, zero_point


def to_codes(rows: Tensor, scale: Tensor, zero_point: Tensor, recipe: Recipe) -> Tensor:
    """Round values (R, n) to their nearest code, clamped to the valid codes; (R, n) float.

    Examples
    --------
    >>> scale, zero_point = torch.tensor([0.5]), torch.tensor([0.0])
    >>> to_codes(torch.tensor([[0.9, -9.0]]), scale, zero_point, Recipe(bits=3))
    tensor([[ 2., -3.]])
    """
    if recipe.bits == 1:
        return torch.where(rows < 0, -1.0, 1.0)
    affine = recipe.scheme == "affine"
    top = 2**recipe.bits - 1 if affine else 2 ** (recipe.bits - 1) - 1
    bottom = 0 if affine else -top
    codes = (rows * scale.reciprocal()[:, None]).round_().add_(zero_point[:, None])
    return codes.clamp_(bottom, top)


def find_centroids(values: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Compute at most ``most`` centroids of k-means on values (n,), in ascending order.

    Lloyd's algorithm starts from centroids evenly spaced between the least and the greatest value.
    In sorted values, a cluster is contiguous, and its sum is a difference of two cumulative sums.
    If there are at most ``most`` different values, these are the centroids. Empty clusters are
    dropped.

    Sources: S. Han, H. Mao, W. Dally, "Deep Compression", ICLR 2016, section 3.2 (linear
    initialization); S. Lloyd, IEEE Transactions on Information Theory 28 (1982).

    Examples
    --------
    >>> find_centroids(np.array([0.0, 1.0, 2.0, 9.0, 10.0], np.float32), 2).tolist()
    [1.0, 9.5]
    """
    exact = np.sort(values)
    different = exact[np.flatnonzero(np.diff(exact, prepend=-np.inf))]
    if len(different) <= most:
        return different if len(different) else np.zeros(1, np.float32)
    ordered = exact.astype(np.float64)
    sums = np.concatenate([[0.0], ordered.cumsum()])
    centroids = np.linspace(ordered[0], ordered[-1], most)
    edges = np.empty(0, np.int64)
    for _ in range(LLOYD_STEPS):
        middles = (centroids[1:] + centroids[:-1]) / 2
        before, edges = edges, np.searchsorted(ordered, middles, "right")
        if np.array_equal(before, edges):
            break
        bounds = np.concatenate([[0], edges, [len(ordered)]])
        counts = np.diff(bounds)
        centroids = np.where(counts > 0, np.diff(sums[bounds]) / np.maximum(counts, 1), centroids)
    return centroids[counts > 0].astype(np.float32)


def nearest(values: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return the index of the nearest centroid for every value; ties: the lower index.

    Examples
    --------
    >>> nearest(np.array([1.5, 3.0], np.float32), np.array([1.0, 2.0], np.float32)).tolist()
    [0, 1]
    """
    ordered = centroids.astype(np.float64)
    middles = (ordered[1:] + ordered[:-1]) / 2
    return np.searchsorted(middles, values.astype(np.float64)).astype(np.int16)


def _rows(values: Tensor, recipe: Recipe) -> Tensor:
    """Reshape values O I H W or O I to rows that share one scale, (R, n)."""
    return values.flatten(1) if recipe.granularity == "channel" else values.reshape(1, -1)


def _threshold(rows: Tensor, kept: Tensor) -> Tensor:
    """Compute the ternary threshold (R, 1): 0.7 times the mean |w| of the kept weights."""
    return 0.7 * rows.abs().sum(1, keepdim=True) / kept.sum(1, keepdim=True).clamp(min=1)


def _percentile_range(rows: Tensor, mask: Tensor, scheme: str) -> tuple[Tensor, Tensor]:
    kept = torch.where(mask, rows, torch.nan)
    if scheme == "symmetric":
        (high,) = _nanquantiles(kept.abs(), PERCENTILE)
        return -high, high
    tail = (1 - PERCENTILE) / 2
    low, high = _nanquantiles(kept, tail, 1 - tail)
    return low.clamp(max=0), high.clamp(min=0)


def _nanquantiles(rows: Tensor, *shares: float) -> Tensor:
    """Compute quantiles (len(shares), R) of rows (R, n), ignoring nan; 0 for empty rows."""
    if rows.numel() <= MOST_QUANTILE:
        levels = torch.tensor(shares, dtype=rows.dtype)
        return rows.nanquantile(levels, dim=1).nan_to_num(0.0)
    found = [_quantiles(row[~row.isnan()], shares) for row in rows]
    return torch.stack(found, 1)


def _quantiles(values: Tensor, shares: Sequence[float]) -> Tensor:
    """Compute quantiles of values (n,) by linear interpolation."""
    if not len(values):
        return values.new_zeros(len(shares))
    ordered = values.sort().values
    places = torch.tensor(shares, dtype=torch.float64) * (len(values) - 1)
    below = places.floor().long()
    above = (below + 1).clamp(max=len(values) - 1)
    return ordered[below].lerp(ordered[above], (places - below).to(values.dtype))


def _mse_range(rows: Tensor, low: Tensor, high: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Find the fraction of each row's minmax range with the least squared error."""
    best, least = torch.ones_like(high), torch.full_like(high, torch.inf)
    for step in range(MSE_STEPS, 0, -1):
        fraction = step / MSE_STEPS
        scale, zero_point = choose_scale(low * fraction, high * fraction, recipe)
        steps = to_codes(rows, scale, zero_point, recipe) - zero_point[:, None]
        error = (steps * scale[:, None] - rows).square().sum(1)
        best = torch.where(error < least, fraction, best)
        least = torch.minimum(error, least)
    return low * best, high * best
