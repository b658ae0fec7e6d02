"""
AdaAttN in plain PyTorch, restated from the authors' released code (github.com/Huage001/AdaAttN, Apache-2.0), the peer to
measure against. Section and equation numbers are those of the paper (Liu et al., ICCV 2021, arXiv 2108.03647).

Tensor names are those of the released checkpoints, with the prefixes `vgg.`, `adaattn_3.`, `transformer.` and `decoder.`.
Widths are parameters, so that the same code is the released network and the narrow one.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Preset:
    encoder: tuple[int, int, int, int, int]
    """Channels at relu1_1 .. relu5_1."""
    decoder: tuple[int, int, int, int]
    """Channels at 1/8, 1/4, 1/2 and full size."""
    max_keys: tuple[int, int, int]
    """Most style positions that the attention at levels 3, 4 and 5 sees."""
    random_keys: bool
    """Drawn at random, as the released code does, or every n-th."""
    color: bool
    """Whether the encoder begins with a 1x1 convolution of the colors."""


PRESETS = {
    "vgg19-image": Preset((64, 128, 256, 512, 512), (256, 256, 128, 64), (4096, 65536, 65536), True, True),
    "small": Preset((16, 32, 64, 128, 128), (96, 96, 48, 24), (2048, 2048, 2048), False, False),
}
FULL = PRESETS["vgg19-image"].encoder
QUARTER = PRESETS["small"].encoder

Features = list  # of five tensors, relu1_1 .. relu5_1


def conv3(cin: int, cout: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), nn.Conv2d(cin, cout, 3)]


class Encoder(nn.Sequential):
    """VGG-19 up to relu5_1; the index of each layer is its index in `vgg_normalised.pth`."""

    ENDS = (4, 11, 18, 31, 44)

    def __init__(self, widths: tuple[int, ...], color: bool = True) -> None:
        def block(cin: int, cout: int) -> list[nn.Module]:
            return [*conv3(cin, cout), nn.ReLU()]

        def pool() -> nn.Module:
            return nn.MaxPool2d(2, 2, ceil_mode=True)

        a, b, c, d, e = widths
        super().__init__(
            nn.Conv2d(3, 3, 1) if color else nn.Identity(), *block(3, a),
            *block(a, a), pool(), *block(a, b),
            *block(b, b), pool(), *block(b, c),
            *block(c, c), *block(c, c), *block(c, c), pool(), *block(c, d),
            *block(d, d), *block(d, d), *block(d, d), pool(), *block(d, e),
        )  # fmt: skip
        assert len(self) == self.ENDS[-1]

    def forward(self, picture: Tensor) -> Features:
        features, x = [], picture
        for index, layer in enumerate(self):
            x = layer(x)
            if index + 1 in self.ENDS:
                features.append(x)
        return features


def mean_std(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation per sample and channel; unbiased variance, epsilon 1e-5 under the root."""
    flat = x.flatten(2)
    return flat.mean(2)[..., None, None], (flat.var(2) + 1e-5).sqrt()[..., None, None]


def norm(x: Tensor) -> Tensor:
    mean, std = mean_std(x)
    return (x - mean) / std


def keys(features: Features, level: int) -> Tensor:
    """Equation 3: features of the levels up to `level` (1 .. 5), each resized to the last one's size and normalized."""
    last = features[level - 1]
    size = last.shape[-2:]
    parts = [norm(F.interpolate(x, size=size, mode="nearest")) for x in features[: level - 1]]
    return torch.cat([*parts, norm(last)], 1)


def sample(count: int, most: int, seed: int | None, random: bool = True) -> Tensor | None:
    """Which of `count` style positions serve as keys: `most` of them, drawn as the released code does; None for all."""
    if count <= most:
        return None
    if not random:
        return torch.arange(0, count, -(-count // most))
    if seed is not None:
        torch.manual_seed(seed)
    return torch.randperm(count)[:most]


def attend(content: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Equations 4 to 7. content [n,c,h,w]; query [n,k,h,w]; key [n,k,j]; value [n,c,j]."""
    n, c, h, w = content.shape
    attention = torch.softmax(torch.bmm(query.flatten(2).transpose(1, 2), key), -1)
    value = value.transpose(1, 2)
    mean = torch.bmm(attention, value)
    std = torch.sqrt(torch.relu(torch.bmm(attention, value * value) - mean * mean))
    back = lambda x: x.view(n, h, w, c).permute(0, 3, 1, 2)  # noqa: E731
    return back(std) * norm(content) + back(mean)


class AdaAttN(nn.Module):
    def __init__(self, preset: Preset, level: int) -> None:
        super().__init__()
        channels, key_channels = preset.encoder[level - 1], sum(preset.encoder[:level])
        self.f = nn.Conv2d(key_channels, key_channels, 1)
        self.g = nn.Conv2d(key_channels, key_channels, 1)
        self.h = nn.Conv2d(channels, channels, 1)
        self.max_keys, self.random_keys = preset.max_keys[level - 3], preset.random_keys

    def style(self, features: Features, level: int, seed: int | None) -> tuple[Tensor, Tensor]:
        key = self.g(keys(features, level)).flatten(2)
        value = self.h(features[level - 1]).flatten(2)
        chosen = sample(key.shape[-1], self.max_keys, seed, self.random_keys)
        return (key, value) if chosen is None else (key[..., chosen], value[..., chosen])

    def forward(self, features: Features, level: int, style: tuple[Tensor, Tensor]) -> Tensor:
        return attend(features[level - 1], self.f(keys(features, level)), *style)


class Transformer(nn.Module):
    def __init__(self, preset: Preset) -> None:
        super().__init__()
        four, five = preset.encoder[3:]
        assert four == five
        self.attn_adain_4_1 = AdaAttN(preset, 4)
        self.attn_adain_5_1 = AdaAttN(preset, 5)
        self.merge_conv = nn.Conv2d(four, four, 3)

    def forward(self, attended4: Tensor, attended5: Tensor) -> Tensor:
        return self.merge_conv(F.pad(attended4 + F.interpolate(attended5, scale_factor=2), (1, 1, 1, 1), mode="reflect"))


class Decoder(nn.Module):
    def __init__(self, preset: Preset) -> None:
        super().__init__()
        skip, top = preset.encoder[2:4]
        a, b, c, d = preset.decoder
        up = lambda: nn.Upsample(scale_factor=2)  # noqa: E731
        self.decoder_layer_1 = nn.Sequential(*conv3(top, a), nn.ReLU(), up())
        self.decoder_layer_2 = nn.Sequential(
            *conv3(a + skip, b), nn.ReLU(),
            *conv3(b, b), nn.ReLU(),
            *conv3(b, b), nn.ReLU(),
            *conv3(b, c), nn.ReLU(), up(),
            *conv3(c, c), nn.ReLU(),
            *conv3(c, d), nn.ReLU(), up(),
            *conv3(d, d), nn.ReLU(),
            *conv3(d, 3),
        )  # fmt: skip

    def forward(self, merged: Tensor, attended3: Tensor) -> Tensor:
        return self.decoder_layer_2(torch.cat([self.decoder_layer_1(merged), attended3], 1))


class Model(nn.Module):
    """Heights and widths are multiples of 16."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.vgg = Encoder(preset.encoder, preset.color)
        self.adaattn_3 = AdaAttN(preset, 3)
        self.transformer = Transformer(preset)
        self.decoder = Decoder(preset)

    def blocks(self) -> list[tuple[int, AdaAttN]]:
        return [(3, self.adaattn_3), (4, self.transformer.attn_adain_4_1), (5, self.transformer.attn_adain_5_1)]

    def style(self, features: Features, seed: int | None = None) -> list[tuple[Tensor, Tensor]]:
        """All that the network needs of a style: the keys and values of its three attention blocks."""
        return [block.style(features, level, seed) for level, block in self.blocks()]

    def stages(self, content: Features, style: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        three, four, five = (block(content, level, state) for (level, block), state in zip(self.blocks(), style))
        merged = self.transformer(four, five)
        return {"adaattn_3": three, "transformer": merged, "output": self.decoder(merged, three)}

    def forward(self, content: Features, style: list[tuple[Tensor, Tensor]]) -> Tensor:
        return self.stages(content, style)["output"]
