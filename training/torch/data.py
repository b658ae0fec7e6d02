"""Pictures for training: crops, what the loss network sees of them, and pools that keep both for several uses."""
from __future__ import annotations

import glob
import io
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from loss_network import LossNetwork
from operations import channels_last, normalize, pick_evenly, resize_nearest, statistics

FILTERS = (Image.BILINEAR, Image.BICUBIC, Image.LANCZOS)
STYLE_KEYS = 1024
"""To at most so many style positions the target of the local feature loss attends."""


def picture_paths(folder: str) -> list[str]:
    """All pictures below a folder, sorted; ends the program with one sentence where there is none."""
    endings = ("jpg", "jpeg", "png", "JPG", "JPEG", "PNG")
    paths = sorted(path for ending in endings for path in glob.glob(f"{folder}/**/*.{ending}", recursive=True))
    if not paths:
        sys.exit(f"Expected JPEG or PNG pictures in the folder {folder} but found none.")
    return paths


def read_pictures(folder: str, most: int = 0) -> list[bytes]:
    """The files' bytes, which take little memory; a picture is decoded when a crop is taken. `most` of them, or all for 0."""
    paths = picture_paths(folder)
    random.Random(3).shuffle(paths)
    files = []
    for path in paths[: most or None]:
        with open(path, "rb") as file:
            files.append(file.read())
    return files


def take_crop(data: bytes, size: int, draws: list[float], soft: float, bias: float) -> Tensor | None:
    """
    A square of `size` pixels [3, size, size] in 0 to 255; None of a file that cannot be read.

    Its window lies between `size` pixels at their own scale, as large pictures look to the network, and the whole picture; a `bias`
    above 1 favors the former. The share `soft` comes from smaller windows, enlarged up to 3.6 times: many pictures that people have
    are soft. Half are flipped. `draws` are six numbers in [0, 1): all chance.
    """
    try:
        picture = Image.open(io.BytesIO(data)).convert("RGB")
    except Exception:  # Pillow has many errors for damaged files
        return None
    zoom, left, top, flip, softness, filtering = draws
    width, height = picture.size
    shorter = min(width, height)
    scale = 0.28**zoom if softness < soft else max(1, shorter / size) ** (zoom**bias)
    window = max(1, min(shorter, int(size * scale)))
    x, y = int(left * (width - window + 1)), int(top * (height - window + 1))
    resized = picture.resize((size, size), FILTERS[int(3 * filtering)], (x, y, x + window, y + window))
    crop = torch.from_numpy(np.array(resized)).permute(2, 0, 1)
    return crop.flip(2) if flip < 0.5 else crop


class Pool:
    """
    Crops of one size with all that the losses ask of them. Each is used about `reuse` times, so that the loss network looks at it
    once for several pairs.
    """

    def __init__(
        self,
        files: list[bytes],
        size: int,
        loss_network: LossNetwork,
        chance: random.Random,
        *,
        style: bool,
        local_levels: list[int],
        workers: ThreadPoolExecutor,
        device: str,
        reuse: int,
        soft: float,
        bias: float,
    ) -> None:
        self.files, self.size, self.loss_network, self.chance = files, size, loss_network, chance
        self.style, self.local_levels, self.workers, self.device = style, local_levels, workers, device
        self.reuse, self.soft, self.bias = reuse, soft, bias
        self.items: list[dict[str, Tensor]] = []
        self.order: list[int] = []
        self.replaced = 0

    def batch(self, count: int) -> dict[str, Tensor]:
        """Crops `x` [count, 3, size, size] with what `_seen` says of them, chosen among those at hand, some of which are new."""
        if not self.items:
            while len(self.items) < 6 * count:
                self.items += self.draw(min(8, count))
        for item in self.draw(max(1, count // self.reuse)):
            self.items[self.replaced % len(self.items)] = item
            self.replaced += 1
        picked = self.chance.sample(self.items, count)
        return {name: torch.cat([item[name] for item in picked]) for name in picked[0]}

    @torch.no_grad()
    def draw(self, count: int) -> list[dict[str, Tensor]]:
        """New crops."""
        crops: list[Tensor] = []
        failed = 0
        while len(crops) < count:
            missing = count - len(crops)
            while len(self.order) < missing:
                self.order = self.chance.sample(range(len(self.files)), len(self.files)) + self.order
            jobs = [
                (self.files[self.order.pop()], self.size, [self.chance.random() for _ in range(6)], self.soft, self.bias)
                for _ in range(missing)
            ]
            taken = [crop for crop in self.workers.map(lambda job: take_crop(*job), jobs) if crop is not None]
            failed = 0 if taken else failed + missing
            if failed > len(self.files):
                sys.exit("Expected pictures that can be read but found none among the files.")
            crops += taken
        pictures = torch.stack(crops).to(self.device).float() / 255
        seen = self._seen(pictures)
        return [{name: value[index : index + 1].clone() for name, value in seen.items()} for index in range(count)]

    def _seen(self, pictures: Tensor) -> dict[str, Tensor]:
        """
        What the losses ask, by name and level: `mean` and `deviation` of a painting; `feature` [n, h, w, c]; `keys` of the local
        feature loss, [n, h, w, c] of a photograph, the last channels Norm of the level itself; of a painting at most 1024 positions
        [n, m, c], with their `values`.
        """
        features = self.loss_network(pictures)
        seen = {"x": pictures}
        if self.style:
            for level in range(1, 6):
                seen[f"mean{level}"], seen[f"deviation{level}"] = statistics(features[level - 1])
        for level in (2, 3, 4) if self.style else (3, 4):
            seen[f"feature{level}"] = channels_last(features[level - 1])
        for level in sorted({*self.local_levels, 4, 5}):
            own = features[level - 1]
            if level not in self.local_levels:
                if not self.style:
                    seen[f"keys{level}"] = channels_last(normalize(own).to(torch.bfloat16)).contiguous()
                continue
            stacked = [normalize(resize_nearest(feature, own.shape[-2:])) for feature in features[:level]]
            keys = torch.cat(stacked, 1).to(torch.bfloat16)
            if self.style:
                for name, value in (("keys", keys), ("values", own)):
                    picked = channels_last(pick_evenly(value, STYLE_KEYS))
                    seen[f"{name}{level}"] = picked.flatten(1, 2).contiguous()
            else:
                seen[f"keys{level}"] = channels_last(keys).contiguous()
        return seen


def grain(count: int, height: int, width: int, depth: float, device: str) -> Tensor:
    """
    Seeds of brushwork [count, 1, height, width]: smooth normal noise of 4, 8 and 16 pixels, up to `depth` deep, so that flat places
    have something that can become strokes. Half of the pictures get none.
    """
    octaves = []
    for cell in (4, 8, 16):
        noise = torch.randn(count, 1, height // cell + 2, width // cell + 2, device=device)
        octaves.append(F.interpolate(noise, scale_factor=cell, mode="bicubic", align_corners=False)[:, :, :height, :width])
    share = (2 * torch.rand(count, 1, 1, 1, device=device) - 1).clamp_min(0)
    return sum(octaves) / 3**0.5 * depth * share
