"""
Tells which channels of a network no picture wakes any more (dead ReLUs) and at how many style positions each attention looks, and
with --out wakes them, the picture staying as it is: to rounding, and where a channel had hardly ever been awake, nearly.

  python3 revive.py model.safetensors --content DIR --style DIR [--out woken.safetensors]

A channel that is never positive gets no gradient, so training cannot bring it back. It gets new weights of its neighbors' size going
in, and none going out: what is new must prove useful before it is heard, else the first thing learnt is to silence it again.
"""
from __future__ import annotations

import environment  # noqa: F401  isort: skip (first: it says what is missing)

import argparse
import random
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from data import picture_paths
from networks import POOL, PRESETS, SKIP, UPSAMPLE, Network, add_deeper, read_network
from tensor_files import write_tensors

AWAKE = 0.002
"""A channel is dead where fewer than this share of positions are positive."""
LOUD = 4
"""A channel whose deviation is more than this many times the median makes gradients burst, and is turned down."""


def read_squares(folder: str, count: int, chance: random.Random) -> Tensor:
    """Pictures of a folder, their middle at 256 x 256: [n, 3, 256, 256]."""
    paths, squares = picture_paths(folder), []
    for path in chance.sample(paths, min(count, len(paths))):
        picture = Image.open(path).convert("RGB")
        side = min(picture.size)
        left, top = ((length - side) // 2 for length in picture.size)
        square = picture.resize((256, 256), Image.LANCZOS, (left, top, left + side, top + side))
        squares.append(torch.from_numpy(np.array(square)).permute(2, 0, 1))
    return torch.stack(squares).float() / 255


def deviations(x: Tensor) -> Tensor:
    """Of every channel of [n, c, h, w], over all pictures."""
    return x.std((0, 2, 3))


def dead_channels(x: Tensor) -> Tensor:
    """Which channels of [n, c, h, w], before their ReLU, hardly any position wakes: [c]."""
    return (x > 0).float().mean((0, 2, 3)) < AWAKE


class Reviver:
    """Follows pictures through a network; `mend` decides whether it only tells."""

    def __init__(self, network: Network, content: Tensor, style: Tensor, mend: bool) -> None:
        self.network, self.content, self.style, self.mend = network, content, style, mend
        self.weights = {name: tensor.data for name, tensor in network.tensors().items()}
        self.dead: dict[str, tuple[int, int]] = {}
        """By layer, how many channels were dead, of how many."""

    def run(self) -> None:
        self._encoder()
        content, style = self.network.encode(self.content), self.network.encode(self.style)
        for level in self.network.preset.levels:
            if self.network.preset.attention == "softmax":
                print(f"attention {level}: median perplexity {self._perplexity(content, style, level):.1f}")
        self._scale_deep_path(content, style)
        self._decoder(content, style)

    def _attended(self, content: list[Tensor], style: list[Tensor]) -> dict[int, Tensor]:
        return {level: self.network.attend(content, style, level) for level in self.network.preset.levels}

    def _deep_is_deaf(self) -> bool:
        """Whether nothing of what attention finds in the deep levels reaches the picture."""
        attended = self._attended(self.network.encode(self.content), self.network.encode(self.style))
        first = self.network.convolve(self.network.merge(attended), "decoder/4_1", relu=False)
        return bool(dead_channels(first).float().mean() > 0.9)

    def _encoder(self) -> None:
        preset, deaf = self.network.preset, self._deep_is_deaf()
        features = [stage[-1] for stage in preset.encoder]
        layers = [layer for stage in preset.encoder for layer in stage]
        names = [layer for layer in layers if layer != POOL]
        following = dict(zip(names, names[1:]))
        x = torch.cat([self.content, self.style])
        for layer in layers:
            if layer == POOL:
                x = F.max_pool2d(x, 2, 2, 0, ceil_mode=True)
                continue
            # Attention hears a level's own features: Norm would make much of a channel that hardly wakes. They are left to the
            # training's fine on sleep, unless nothing is heard of the level anyway.
            heard = layer in features and not (deaf and layer[0] in "45")
            after = following.get(layer)
            x = self._layer(x, f"encoder.{layer}", after and f"encoder.{after}", mend=not heard)

    def _decoder(self, content: list[Tensor], style: list[Tensor]) -> None:
        attended = self._attended(content, style)
        x = self.network.merge(attended)
        names = [layer for layer in self.network.preset.decoder if layer not in (UPSAMPLE, SKIP)]
        following = dict(zip(names, names[1:]))
        for layer in self.network.preset.decoder:
            if layer == UPSAMPLE:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            elif layer == SKIP:
                x = torch.cat([x, attended[3]], 1)
            elif layer in following:  # the last layer is the picture, which has no ReLU
                x = self._layer(x, f"decoder.{layer}", f"decoder.{following[layer]}")

    def _layer(self, x: Tensor, name: str, after: str | None, mend: bool = True) -> Tensor:
        """One convolution on x, its dead channels told and woken; gives what comes out of its ReLU."""
        run = lambda: self.network.convolve(x, name.replace(".", "/"), relu=False)  # noqa: E731
        y = run()
        dead = dead_channels(y)
        self.dead[name] = int(dead.sum()), len(dead)
        line = f"{name}: {int(dead.sum())} of {len(dead)} dead"
        if self.mend and mend and dead.any():
            y = self._wake(run, y, dead, name, after)
            line += f", now {int(dead_channels(y).sum())}"
        print(line)
        return F.relu(y)

    def _wake(self, run: Callable[[], Tensor], y: Tensor, dead: Tensor, name: str, after: str | None) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        outgoing = None if after is None else self.weights[f"{after}.weight"]
        live = ~dead
        spread = deviations(y)
        wanted = spread[live].median() if live.float().mean() > 0.25 else torch.tensor(0.5)
        loud = torch.where(live & (spread > LOUD * wanted))[0]
        if outgoing is not None and len(loud):
            share = spread[loud] / wanted
            weight[loud] /= share[:, None, None, None]
            bias[loud] /= share
            outgoing[:, loud] *= share[None, :, None, None]
        weight[dead] = torch.randn_like(weight[dead]) / weight[0].numel() ** 0.5
        bias[dead] = 0
        y = run()
        share, center = wanted / deviations(y), y.mean((0, 2, 3))
        weight[dead] *= share[dead][:, None, None, None]
        bias[dead] = -(center * share)[dead]
        if outgoing is not None:
            outgoing[:, : len(dead)][:, dead] = 0
        return run()

    def _perplexity(self, content: list[Tensor], style: list[Tensor], level: int) -> float:
        """At how many style positions a content position looks: the median of the exponentials of the entropies."""
        queries = self.network.project(self.network.keys(content, level).flatten(2), f"attention/{level}/f")
        keys = self.network.project(self.network.keys(style, level).flatten(2), f"attention/{level}/g")
        some = torch.randperm(queries.shape[2])[:256]
        shares = torch.log_softmax(torch.bmm(queries[..., some].transpose(1, 2), keys), -1)
        return float((-(shares.exp() * shares).sum(-1)).exp().median())

    def _scale_deep_path(self, content: list[Tensor], style: list[Tensor]) -> None:
        """
        Levels 4 and 5 to deviation 1, and the merge turned up by as much: steps of one size for all layers are far too large for a
        merge whose input is fifty times the others'.
        """
        if not self.network.preset.merge:
            return
        spread = deviations(add_deeper(self._attended(content, style))).clamp_min(1e-3)
        print(f"attended 4 + 5: median deviation {float(spread.median()):.2f}, largest {float(spread.max()):.2f}")
        if not self.mend:
            return
        for level in (4, 5):
            self.weights[f"attention.{level}.h.weight"].div_(spread[:, None, None, None])
            self.weights[f"attention.{level}.h.bias"].div_(spread)
        self.weights["merge.weight"].mul_(spread[None, :, None, None])
        merged = float(self.network.merge(self._attended(content, style)).std())
        if merged > 2:
            self.weights["merge.weight"].div_(merged)
            self.weights["merge.bias"].div_(merged)
            self.weights["decoder.4_1.weight"].mul_(merged)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model.safetensors of the preset")
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--content", required=True, help="folder of photographs")
    parser.add_argument("--style", required=True, help="folder of paintings")
    parser.add_argument("--out", help="where the woken weights go; without it, it only tells")
    parser.add_argument("--pictures", type=int, default=12, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_grad_enabled(False)
    chance = random.Random(options.seed)
    content, style = (read_squares(folder, options.pictures, chance) for folder in (options.content, options.style))
    count = min(len(content), len(style))
    network = Network(options.preset, read_network(options.preset, options.model), torch.float32).eval()
    Reviver(network, content[:count], style[:count], mend=options.out is not None).run()
    if options.out is not None:
        write_tensors(options.out, network.tensors(), options.preset)


if __name__ == "__main__":
    main()
