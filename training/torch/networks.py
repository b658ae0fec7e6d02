"""
The networks `small` and `small-video` in PyTorch, for training: the tensors, the names and the arithmetic of packages/adaattn
(Liu et al., AdaAttN, ICCV 2021, arXiv 2108.03647; section and equation numbers are the paper's).

In bfloat16 they train two to four times as fast as in float32, on CPUs with AVX-512 BF16 as on GPUs. In float32 a picture comes out
as the command makes it; training/torch/test holds the two against each other.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from operations import calm, normalize, pick_evenly, reflect_border, resize_nearest, waking_relu
from tensor_files import check_tensors, read_tensors

POOL, UPSAMPLE, SKIP = "pool", "upsample", "skip"


@dataclass(frozen=True)
class Preset:
    """A network as data, as packages/adaattn has it: layers in the order in which a picture meets them."""

    encoder: tuple[tuple[str, ...], ...]
    """For every level the layers that lead to it; a convolution `3_1` is the tensors `encoder.3_1.weight` and `.bias`."""
    attention: str
    """`softmax` (section 3.2) or `cosine` (section 3.4)."""
    levels: tuple[int, ...]
    """Where there is an attention module."""
    most_keys: int | None
    """At most this many style positions are attended to, evenly chosen."""
    merge: bool
    """Whether level 5 is added to level 4 and convolved."""
    decoder: tuple[str, ...]
    widths: dict[str, int]
    """Channels that each convolution gives."""


PRESETS = {
    "small": Preset(
        encoder=(
            ("1_1",),
            ("1_2", POOL, "2_1"),
            ("2_2", POOL, "3_1"),
            ("3_2", "3_3", "3_4", POOL, "4_1"),
            ("4_2", "4_3", "4_4", POOL, "5_1"),
        ),
        attention="softmax",
        levels=(3, 4, 5),
        most_keys=1024,
        merge=True,
        decoder=("4_1", UPSAMPLE, SKIP, "3_4", "3_3", "3_2", "3_1", UPSAMPLE, "2_2", "2_1", UPSAMPLE, "1_2", "1_1"),
        widths={"4_1": 96, "3_4": 96, "3_3": 96, "3_2": 96, "3_1": 48, "2_2": 48, "2_1": 24, "1_2": 24, "1_1": 3},
    ),
    "small-video": Preset(
        encoder=(("1_1",), (POOL, "2_1"), ("2_2", POOL, "3_1"), ("3_2", "3_3", POOL, "4_1")),
        attention="cosine",
        levels=(3, 4),
        most_keys=None,
        merge=False,
        decoder=("4_1", UPSAMPLE, SKIP, "3_3", "3_2", "3_1", UPSAMPLE, "2_2", "2_1", UPSAMPLE, "1_1"),
        widths={"4_1": 64, "3_3": 64, "3_2": 64, "3_1": 32, "2_2": 32, "2_1": 16, "1_1": 3},
    ),
}
ENCODER_WIDTHS = (16, 32, 64, 128, 128)
"""Channels at levels 1 to 5."""


def shapes_of(preset: Preset) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of a network."""
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, inputs: int, outputs: int, kernel: int = 3) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs, kernel, kernel)
        shapes[f"{name}.bias"] = (outputs,)

    channels = 3
    for layer in (layer for stage in preset.encoder for layer in stage if layer != POOL):
        outputs = ENCODER_WIDTHS[int(layer[0]) - 1]
        convolution(f"encoder.{layer}", channels, outputs)
        channels = outputs
    for level in preset.levels:
        keys, values = sum(ENCODER_WIDTHS[:level]), ENCODER_WIDTHS[level - 1]
        for part, width in (("f", keys), ("g", keys), ("h", values)):
            convolution(f"attention.{level}.{part}", width, width, 1)
    if preset.merge:
        convolution("merge", ENCODER_WIDTHS[3], ENCODER_WIDTHS[3])
    channels = ENCODER_WIDTHS[3]
    for layer in (layer for layer in preset.decoder if layer != UPSAMPLE):
        if layer == SKIP:
            channels += ENCODER_WIDTHS[2]
        else:
            convolution(f"decoder.{layer}", channels, preset.widths[layer])
            channels = preset.widths[layer]
    return shapes


def read_network(preset: str, path: str) -> dict[str, Tensor]:
    """The tensors of a preset's model.safetensors; ends the program with one sentence where they are another network's."""
    tensors, shapes = read_tensors(path), shapes_of(PRESETS[preset])
    check_tensors(tensors, shapes, path, f"the preset {preset}")
    return {name: tensors[name] for name in shapes}


class Network(nn.Module):
    """Paints contents [n, 3, h, w] (h and w multiples of 16) in the styles [n, 3, h', w'], RGB in [0, 1]; not clamped."""

    def __init__(self, preset: str, tensors: dict[str, Tensor], dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.name, self.preset, self.dtype = preset, PRESETS[preset], dtype
        # A dot in a parameter's name means a module to PyTorch.
        self.weights = nn.ParameterDict({name.replace(".", "/"): nn.Parameter(t) for name, t in tensors.items()})
        self.sleepiness: list[Tensor] = []
        """Of every layer met in the last call, how far its channels are from waking (training only)."""
        self.features: tuple[list[Tensor], list[Tensor]] = ([], [])
        """Content and style features of the last call."""
        self.deep = torch.empty(0)
        """What decoder 4_1 gave in the last call."""

    def tensors(self) -> dict[str, Tensor]:
        """The weights by their names in a file."""
        return {name.replace("/", "."): tensor for name, tensor in self.weights.items()}

    def convolve(self, x: Tensor, name: str, relu: bool = True) -> Tensor:
        """A 3x3 convolution with a reflected border."""
        weight, bias = self.weights[f"{name}/weight"], self.weights[f"{name}/bias"]
        weight = weight.to(self.dtype).contiguous(memory_format=torch.channels_last)
        y = F.conv2d(reflect_border(x).to(self.dtype), weight, bias.to(self.dtype))
        if not relu:
            return y
        part, layer = name.split("/")
        deep = layer[0] in "345"
        if self.training and (deep or layer == "2_2"):
            self.sleepiness.append(sleepiness(y))
        return waking_relu(y) if self.training and deep else F.relu(y)

    def encode(self, pictures: Tensor) -> list[Tensor]:
        """Features at every level, shallow to deep."""
        features, x = [], pictures.to(self.dtype)
        for stage in self.preset.encoder:
            for layer in stage:
                pool = layer == POOL
                x = F.max_pool2d(x, 2, 2, 0, ceil_mode=True) if pool else self.convolve(x, f"encoder/{layer}")
            features.append(x)
        return features

    def keys(self, features: list[Tensor], level: int) -> Tensor:
        """Equation 2: the features of a level and of all above it at its size, each channel normalized."""
        size = features[level - 1].shape[-2:]
        resized = [resize_nearest(feature, size).float() for feature in features[:level]]
        return torch.cat([normalize(feature, self.training) for feature in resized], 1)

    def project(self, x: Tensor, name: str) -> Tensor:
        """A 1x1 convolution of [n, c, positions]."""
        weight, bias = self.weights[f"{name}/weight"][:, :, 0, 0], self.weights[f"{name}/bias"]
        return torch.matmul(weight.to(self.dtype), x.to(self.dtype)).float() + bias[:, None]

    def attend(self, content: list[Tensor], style: list[Tensor], level: int) -> Tensor:
        """Equations 3 to 6: content features, normalized, scaled and shifted by what they attend to in the style."""
        name = f"attention/{level}"
        queries = self.project(self.keys(content, level).flatten(2), f"{name}/f")
        keys, values = self.keys(style, level), style[level - 1].float()
        if self.preset.most_keys is not None:
            keys, values = (pick_evenly(x, self.preset.most_keys) for x in (keys, values))
        keys, values = self.project(keys.flatten(2), f"{name}/g"), self.project(values.flatten(2), f"{name}/h")
        # Centered, the variance stays and E[v^2] - E[v]^2 does not cancel.
        center = values.mean(2, keepdim=True)
        values = values - center
        both = torch.cat([values, values * values], 1)
        if self.preset.attention == "softmax":
            shares = torch.softmax(self._product(queries.transpose(1, 2), keys), -1)
            attended = self._product(shares, both.transpose(1, 2)).transpose(1, 2)
        else:
            attended = self._attend_cosine(queries, keys, both)
        channels = values.shape[1]
        mean, second = attended[:, :channels], attended[:, channels:]
        variance = second - mean * mean
        deviation = torch.where(variance > 1e-6, variance.clamp_min(1e-6).sqrt(), torch.zeros_like(variance))
        x = content[level - 1]
        return deviation.view(x.shape) * normalize(x, self.training) + (mean + center).view(x.shape)

    def _attend_cosine(self, queries: Tensor, keys: Tensor, both: Tensor) -> Tensor:
        """Section 3.4 in its linear form: weights are 1 + cosine, so sums over keys come first."""
        queries, keys = (x / (x.norm(dim=1, keepdim=True) + 1e-5) for x in (queries, keys))
        total = both.sum(2, keepdim=True) + self._product(self._product(both, keys.transpose(1, 2)), queries)
        return total / (keys.shape[2] + 1e-5 + torch.bmm(keys.sum(2)[:, None], queries))

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.bmm(a.to(self.dtype), b.to(self.dtype)).float()

    def merge(self, attended: dict[int, Tensor]) -> Tensor:
        """What the decoder starts from."""
        if not self.preset.merge:
            return attended[max(attended)]
        return self.convolve(add_deeper(attended), "merge", relu=False)

    def decode(self, attended: dict[int, Tensor]) -> Tensor:
        """A picture, in float32, from the attended features of all levels."""
        x = self.merge(attended)
        self._calm(x)
        for layer in self.preset.decoder:
            if layer == UPSAMPLE:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            elif layer == SKIP:
                x = torch.cat([x.to(self.dtype), attended[3].to(self.dtype)], 1)
            else:
                x = self.convolve(x, f"decoder/{layer}", relu=layer != "1_1")
            if layer == "4_1":
                self.deep = x
                self._calm(x)
        return x.float()

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        self.sleepiness = []
        if content.shape == style.shape:
            both = self.encode(torch.cat([content, style]))
            count = content.shape[0]
            own, painted = [x[:count] for x in both], [x[count:] for x in both]
        else:
            own, painted = self.encode(content), self.encode(style)
        self._calm(*own, *painted)
        self.features = own, painted
        return self.decode({level: self.attend(own, painted, level) for level in self.preset.levels})

    def _calm(self, *tensors: Tensor) -> None:
        for tensor in tensors:
            if self.training and tensor.requires_grad:
                tensor.register_hook(calm)


def add_deeper(attended: dict[int, Tensor]) -> Tensor:
    """Level 4 and level 5 at its size, added."""
    return attended[4] + F.interpolate(attended[5], size=attended[4].shape[-2:], mode="nearest")


def sleepiness(y: Tensor) -> Tensor:
    """
    A fine on channels of [n, c, h, w] that less than a tenth of the positions wake: how far their 90 % quantile lies below a tenth of
    their spread. Mean and deviation will not do: a heavy tail fools them.
    """
    step = max(1, round((y.shape[0] * y.shape[2] * y.shape[3] / 2048) ** 0.5))
    values = y[:, :, ::step, ::step].transpose(0, 1).flatten(1).float()
    quantile = values.kthvalue(max(1, int(0.9 * values.shape[1])), 1)[0]
    fixed = values.detach()
    spread = (fixed - fixed.median(1, keepdim=True)[0]).abs().mean(1).clamp_min(1e-6)
    return F.relu(0.1 - quantile / spread).mean()
