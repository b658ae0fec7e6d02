"""
Style and structure of one or more model.safetensors on pairs that no training sees, at 512 x 512 in float32.

  python3 evaluate.py a.safetensors b.safetensors --content DIR --style DIR --loss-network vgg19-normalised.safetensors [--sheet OUT.jpg]

  style     relative squared distance of means and deviations, relu1_1 to relu5_1; 0 is the painting's own
  SSIM      of the result's luminance to the photograph's
  strokes   the mean difference of logarithms of local energies to the painting's (losses.stroke_energy)
  weave     how much stronger waves of 4 and 2 pixels are than their neighbors (losses.weave)
"""
from __future__ import annotations

import environment  # noqa: F401  isort: skip (first: it says what is missing)

import argparse

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import losses
from data import picture_paths
from loss_network import LossNetwork
from networks import PRESETS, Network, read_network
from operations import statistics

SIDE = 512


def read_picture(path: str) -> Tensor:
    """[1, 3, 512, 512] in [0, 1]."""
    picture = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.BICUBIC)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def similarity(result: Tensor, content: Tensor) -> float:
    brightness, structure = losses.similarity_parts(result, content)
    return float((brightness * structure).mean())


def style_distances(result: list[Tensor], style: list[Tensor]) -> list[float]:
    """By level, the squared distance of means and deviations over their squares."""
    distances = []
    for own, painted in zip(result, style):
        (mean, deviation), (wanted, wanted_deviation) = statistics(own), statistics(painted)
        error = ((mean - wanted) ** 2).mean() + ((deviation - wanted_deviation) ** 2).mean()
        distances.append(float(error / ((wanted**2).mean() + (wanted_deviation**2).mean())))
    return distances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="files of the preset")
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--content", required=True, help="folder of photographs")
    parser.add_argument("--style", required=True, help="folder of paintings")
    parser.add_argument("--loss-network", required=True, help="the normalized VGG-19")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--sheet", help="a picture of all: photograph, painting and what each file makes of them")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    photographs, paintings = picture_paths(options.content), picture_paths(options.style)
    loss_network = LossNetwork(options.loss_network, torch.float32)
    tensors = {path: read_network(options.preset, path) for path in options.models}
    networks = {path: Network(options.preset, own, torch.float32).eval() for path, own in tensors.items()}
    rows: dict[str, list[list[float]]] = {path: [] for path in options.models}
    lines = []
    for index in range(options.pairs):
        # Seven is prime to most counts, so that pairs do not repeat early.
        content = read_picture(photographs[index % len(photographs)])
        style = read_picture(paintings[(index * 7 + 3) % len(paintings)])
        seen, line = loss_network(style), [content, style]
        for path, network in networks.items():
            result = network(content, style).clamp(0, 1).mul(255).round().div(255)
            line.append(result)
            distances = style_distances(loss_network(result), seen)
            strokes = losses.stroke_energy(result, {"x": style})
            rows[path].append([*distances, similarity(result, content), float(strokes), float(losses.weave(result))])
        lines.append(torch.cat(line, 3))
    for path, values in rows.items():
        *levels, structure, strokes, weave = np.mean(values, 0)
        by_level = " ".join(f"{level:.3f}" for level in levels)
        print(
            f"{path}: style {np.mean(levels):.4f} (levels {by_level}), SSIM {structure:.3f}, "
            f"strokes {strokes:.2f}, weave {weave:.2f}"
        )
    if options.sheet:
        sheet = torch.cat(lines, 2)[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        Image.fromarray(sheet).save(options.sheet, quality=92)


if __name__ == "__main__":
    main()
