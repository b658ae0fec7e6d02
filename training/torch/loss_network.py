"""The network that the losses look through: the normalized VGG-19, relu1_1 to relu5_1, never trained (paper, section 3.3)."""
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tensor_files import check_tensors, read_tensors

POOL = "pool"
STAGES = ((2,), (5, POOL, 9), (12, POOL, 16), (19, 22, 25, POOL, 29), (32, 35, 38, POOL, 42))
"""The layers up to each level, by their index in `vgg_normalised.pth`."""
WIDTHS = (64, 128, 256, 512, 512)


class LossNetwork:
    """
    Features of pictures [n, 3, h, w], RGB in [0, 1], at five levels. Borders are zeros, where the networks reflect theirs: that is
    faster, and losses compare like with like. Narrower weights of the same layers are taken as they come.
    """

    def __init__(self, path: str, dtype: torch.dtype = torch.bfloat16, device: str = "cpu") -> None:
        tensors = read_tensors(path)
        check_tensors(tensors, _shapes(tensors), path, "a normalized VGG-19")
        self.dtype = dtype
        self.widths = tuple(tensors[f"{stage[-1]}.weight"].shape[0] for stage in STAGES)
        self.color = (tensors["0.weight"].to(device), tensors["0.bias"].to(device))
        self.layers = {
            index: (
                tensors[f"{index}.weight"].to(device, dtype).contiguous(memory_format=torch.channels_last),
                tensors[f"{index}.bias"].to(device, dtype),
            )
            for index in _convolutions()
        }

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        x = F.conv2d(pictures.float(), *self.color)
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        features = []
        for stage in STAGES:
            for layer in stage:
                if layer == POOL:
                    x = F.max_pool2d(x, 2, 2, 0, ceil_mode=True)
                else:
                    x = F.relu(F.conv2d(x, *self.layers[layer], padding=1))
            features.append(x)
        return features


def _convolutions() -> list[int]:
    return [layer for stage in STAGES for layer in stage if layer != POOL]


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shapes that must be there; how wide each layer is, the file says itself."""
    shapes, inputs = {"0.weight": (3, 3, 1, 1), "0.bias": (3,)}, 3
    for stage, usual in zip(STAGES, WIDTHS):
        for index in (layer for layer in stage if layer != POOL):
            found = tensors.get(f"{index}.bias")
            width = usual if found is None else found.shape[0]
            shapes |= {f"{index}.weight": (width, inputs, 3, 3), f"{index}.bias": (width,)}
            inputs = width
    return shapes
