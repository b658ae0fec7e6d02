"""Muon: momentum whose matrices are made orthogonal before they are applied."""
from __future__ import annotations

import torch
from torch import Tensor


class Muon(torch.optim.Optimizer):
    """
    Jordan et al., 2024, with steps of the size that Adam's have (Liu et al., 2025), so that Adam's rates hold. Rare directions are
    learnt as fast as frequent ones. Vectors, which have no directions to balance, go by Adam (Kingma and Ba, 2015).
    """

    def __init__(self, groups: list[dict], rate: float, momentum: float = 0.95) -> None:
        super().__init__(groups, {"lr": rate, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    state = self.state[parameter]
                    state["step"] = state.get("step", 0) + 1
                    update = _vector_step if parameter.ndim < 2 else _matrix_step
                    update(parameter, parameter.grad, state, group)


def _vector_step(parameter: Tensor, gradient: Tensor, state: dict, group: dict) -> None:
    first = state.setdefault("first", torch.zeros_like(parameter))
    second = state.setdefault("second", torch.zeros_like(parameter))
    first.lerp_(gradient, 0.1)
    second.lerp_(gradient**2, 0.01)
    size = (second / (1 - 0.99 ** state["step"])).sqrt() + 1e-8
    parameter.addcdiv_(first, size, value=-group["lr"] / (1 - 0.9 ** state["step"]))


def _matrix_step(parameter: Tensor, gradient: Tensor, state: dict, group: dict) -> None:
    first = state.setdefault("first", torch.zeros_like(parameter))
    first.lerp_(gradient, 1 - group["momentum"])
    matrix = orthogonal(gradient.lerp(first, group["momentum"]).flatten(1))
    # 0.2 sqrt(longer side): the root mean square of Adam's steps.
    parameter.add_(matrix.reshape(parameter.shape), alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix of the same singular vectors, its singular values near 1: five rounds of Newton and Schulz's iteration."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.t()
    x = (x / (x.norm() + 1e-12)).to(torch.bfloat16)
    for _ in range(5):
        square = x @ x.t()
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
    return (x if wide else x.t()).float()
