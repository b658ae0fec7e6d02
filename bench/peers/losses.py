"""The training losses of section 3.3, with the levels of the released code, relu2_1 .. relu5_1; it weighs them 10 L_gs + 3 L_lf."""
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from model import FULL, Features, attend, keys, mean_std, sample

LEVELS = (2, 3, 4, 5)


def global_loss(result: Features, style: Features) -> Tensor:
    """Equation 9: means and deviations of the result's features against those of the style."""
    total = 0
    for level in LEVELS:
        for got, wanted in zip(mean_std(result[level - 1]), mean_std(style[level - 1])):
            total = total + F.mse_loss(got, wanted)
    return total


@torch.no_grad()
def local_targets(content: Features, style: Features, seed: int | None = None) -> list[Tensor]:
    """
    AdaAttN without parameters (f, g, h the identity) at every level. A network of a fraction of VGG's width has logits
    smaller by that fraction; they are scaled back, so that the softmax is as peaked as at full width.
    """
    targets = []
    for level in LEVELS:
        query, key = keys(content, level), keys(style, level).flatten(2)
        value = style[level - 1].flatten(2)
        chosen = sample(key.shape[-1], 64 * 64, seed)
        if chosen is not None:
            key, value = key[..., chosen], value[..., chosen]
        temperature = sum(FULL[:level]) / query.shape[1]
        if temperature != 1:
            key = key * temperature
        targets.append(attend(content[level - 1], query, key, value))
    return targets


def local_loss(result: Features, targets: list[Tensor]) -> Tensor:
    """Equation 10: the result's features against the attended ones."""
    return sum(F.mse_loss(result[level - 1], target) for level, target in zip(LEVELS, targets))
