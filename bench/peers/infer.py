"""
Seconds and peak memory of stylizing one picture, warm and without reading or writing files: `medianSeconds` with the style computed
anew, `cachedSeconds` from when it is known. One JSON object on stdout.
"""
from __future__ import annotations

import argparse
import statistics
import time

from measure import prepare, repeat, report  # isort: skip (first)

import torch

import fixture
from model import PRESETS, Model

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--preset", choices=PRESETS, default="vgg19-image")
parser.add_argument("--size", type=int, default=512, help="width and height of content and style, a multiple of 16")
parser.add_argument("--repeat", type=int, default=5)
parser.add_argument("--warm", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()

prepare(options.threads)
with torch.inference_mode():
    model = Model(PRESETS[options.preset]).eval()
    fixture.fill(model)
    torch.manual_seed(1)
    content, style = (torch.rand(1, 3, options.size, options.size) for _ in range(2))
    cached: list[float] = []

    def stylize() -> torch.Tensor:
        style_state = model.style(model.vgg(style), 6666)
        begun = time.perf_counter()
        result = model(model.vgg(content), style_state).clamp(0, 1)
        cached.append(time.perf_counter() - begun)
        return result

    seconds = repeat(stylize, options.warm, options.repeat)
report(seconds, preset=options.preset, size=options.size, cachedSeconds=statistics.median(cached[options.warm :]))
