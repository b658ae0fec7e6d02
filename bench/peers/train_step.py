"""Samples a second of one training step: forward, losses, backward, Adam. One JSON object on stdout."""
from __future__ import annotations

import argparse
import math

from measure import prepare, repeat, report  # isort: skip (first)

import torch

import fixture
from losses import global_loss, local_loss, local_targets
from model import FULL, PRESETS, QUARTER, Encoder, Model

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--preset", choices=PRESETS, default="small")
parser.add_argument("--loss-width", choices=["full", "quarter"], default="quarter")
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--crop", type=int, default=128, help="width and height of the crops, a multiple of 16")
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--warm", type=int, default=2)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--train-encoder", action="store_true", help="the encoder is trained too, not frozen")
options = parser.parse_args()

prepare(options.threads)
model = Model(PRESETS[options.preset])
fixture.fill(model)
model.vgg.requires_grad_(options.train_encoder)
widths = FULL if options.loss_width == "full" else QUARTER
# The released network's frozen encoder is the loss network, as in the released code: its features serve both.
shared = options.preset == "vgg19-image" and widths == FULL and not options.train_encoder
judge = model.vgg if shared else Encoder(widths)
if not shared:
    fixture.fill(judge, "vgg.")
    judge.requires_grad_(False)
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
adam = torch.optim.Adam(trained, lr=2e-4, betas=(0.9, 0.999))
torch.manual_seed(1)
content, style = (torch.rand(options.batch, 3, options.crop, options.crop) for _ in range(2))


def step() -> float:
    with torch.set_grad_enabled(options.train_encoder):
        content_features, style_features = model.vgg(content), model.vgg(style)
    with torch.no_grad():
        judged_content = content_features if shared else judge(content)
        judged_style = style_features if shared else judge(style)
    result = judge(model(content_features, model.style(style_features)))
    targets = local_targets(judged_content, judged_style)
    loss = 10 * global_loss(result, judged_style) + 3 * local_loss(result, targets)
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()
    value = loss.item()
    assert math.isfinite(value)
    return value


seconds = repeat(step, options.warm, options.steps)
report(
    seconds,
    preset=options.preset,
    lossWidth=options.loss_width,
    batch=options.batch,
    crop=options.crop,
    trainEncoder=options.train_encoder,
    trainedParameters=sum(parameter.numel() for parameter in trained),
)
