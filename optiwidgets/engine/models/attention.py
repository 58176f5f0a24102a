"""Multi-head attention with separate projection layers, to replace nn.MultiheadAttention."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn


class ProjectedAttention(nn.Module):
    """Multi-head attention with Linear layers as projections, which can be pruned.

    ``nn.MultiheadAttention`` passes its weights to one function, and hooks see no layer run. This
    module computes the same result.

    Source: A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.

    Parameters
    ----------
    attention
        Module with equal widths of queries, keys and values, and no bias or zeros added to keys.

    Examples
    --------
    >>> import torch
    >>> theirs = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    >>> x = torch.randn(1, 3, 8)
    >>> torch.allclose(theirs(x, x, x)[0], ProjectedAttention(theirs)(x, x, x)[0], atol=1e-6)
    True
    """

    _qkv_same_embed_dim = False  # torch's encoder layers then call this module

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.embed_dim, self.num_heads = attention.embed_dim, attention.num_heads
        self.head_dim = attention.head_dim
        self.batch_first, self.dropout = attention.batch_first, 0.0
        bias = attention.in_proj_bias is not None
        self.in_proj = nn.Linear(self.embed_dim, 3 * self.embed_dim, bias=bias)
        self.in_proj.weight = attention.in_proj_weight
        if bias:
            self.in_proj.bias = attention.in_proj_bias
        self.out_proj = nn.Linear(self.embed_dim, self.embed_dim, bias=bias)
        self.out_proj.weight, self.out_proj.bias = (
            attention.out_proj.weight,
            attention.out_proj.bias,
        )
        self.train(attention.training)

    @property
    def in_proj_bias(self) -> Tensor | None:
        """Bias of the input projection, under torch's name for it."""
        return self.in_proj.bias

    @staticmethod
    def replaces(attention: nn.MultiheadAttention) -> bool:
        """Return True if this module computes the same result as a given one."""
        added = attention.bias_k is not None or attention.add_zero_attn
        return bool(attention._qkv_same_embed_dim) and not added

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, None]:
        """Compute attention; attention weights are never returned, ``need_weights`` is ignored."""
        if key_padding_mask is not None or attn_mask is not None or is_causal:
            raise ValueError("attention with a mask is not supported")
        if query is key and key is value:
            parts = self.in_proj(query).chunk(3, dim=-1)
        else:
            parts = tuple(
                self.in_proj(x).chunk(3, dim=-1)[i] for i, x in enumerate((query, key, value))
            )
        token = -2 if self.batch_first else 0
        q, k, v = (self._heads(part, token) for part in parts)
        attended = F.scaled_dot_product_attention(q, k, v)
        merged = attended.movedim(-3, -2).flatten(-2)  # ..., tokens, width
        answer: Tensor = self.out_proj(merged if self.batch_first else merged.movedim(-2, 0))
        return answer, None

    def _heads(self, values: Tensor, token: int) -> Tensor:
        """Split the width into heads: (..., heads, tokens, width of a head)."""
        values = values if token == -2 else values.movedim(0, -2)
        width = values.shape[-1] // self.num_heads
        return values.reshape(*values.shape[:-1], self.num_heads, width).movedim(-2, -3)
