"""
Trains `small` or `small-video` on the style losses, as the loss network sees them, on a CPU or with CUDA. README.md has the recipe.

  python3 train.py --start model.safetensors --loss-network vgg19-normalised.safetensors --content DIR --style DIR --out RUN

SIGTERM and Ctrl-C save within seconds; the same command with --resume goes on.
"""
from __future__ import annotations

import environment  # noqa: F401  isort: skip (first: it says what is missing)

import argparse
import json
import math
import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

import losses
from data import Pool, grain, read_pictures
from loss_network import LossNetwork
from networks import PRESETS, Network, read_network
from operations import channels_last
from optimizer import Muon
from tensor_files import write_tensors


def numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"Expected numbers with commas between them but received {text}.") from None


def whole_numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"Expected whole numbers with commas between them but received {text}.") from None


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--preset", choices=PRESETS, default="small")
    add("--start", required=True, help="a model.safetensors of the preset")
    add("--loss-network", required=True, help="the normalized VGG-19")
    add("--content", required=True, help="folder of photographs")
    add("--style", required=True, help="folder of paintings")
    add("--out", required=True, help="the run's folder")
    add("--resume", action="store_true", help="go on from the run's last save")
    add("--device", default="cpu", help="cpu or cuda")
    add("--threads", type=int, default=2)
    add("--seed", type=int, default=1)
    time_ = parser.add_argument_group("how long")
    time_.add_argument("--minutes", type=float, default=100, help="what the falling rate is laid out for")
    time_.add_argument("--steps", type=int, help="stop after so many steps, whatever the time")
    time_.add_argument("--log-every", type=int, default=50, metavar="STEPS")
    time_.add_argument("--save-every", type=int, default=200, metavar="STEPS")
    data = parser.add_argument_group("data")
    data.add_argument("--crop", type=whole_numbers, default=[128, 256], help="pixels; sizes take turns")
    data.add_argument("--batch", type=whole_numbers, default=[16, 4], help="samples, one number a size")
    data.add_argument("--most-pictures", type=int, default=0, help="of each kind; 0 for all")
    data.add_argument("--reuse", type=int, default=4, help="how often a crop is used")
    data.add_argument("--bias", type=float, default=1.4, help="above 1: more windows at their own scale")
    data.add_argument("--soft", type=float, default=0.45, help="share of windows that are enlarged")
    data.add_argument("--grain", type=float, default=0.1, help="depth of the seed of brushwork")
    steps = parser.add_argument_group("steps")
    steps.add_argument("--optimizer", choices=["muon", "adam"], default="muon")
    steps.add_argument("--rate", type=float, default=4e-4)
    steps.add_argument("--final-rate", type=float, default=3e-5)
    steps.add_argument("--warm-steps", type=int, default=40)
    steps.add_argument("--encoder-rate", type=float, default=0.3, help="share of the rate that the encoder learns at")
    steps.add_argument("--clip", type=float, default=1.0, help="largest length of the gradient")
    steps.add_argument("--average", type=float, default=0.99, help="share of the averaged weights that a step keeps")
    weights = parser.add_argument_group("weights of the losses")
    weights.add_argument("--global-weight", type=float, default=50)
    weights.add_argument("--global-levels", type=numbers, default=[0.8, 2, 3, 3, 2.5], help="shares of levels 1 to 5")
    weights.add_argument("--local-weight", type=float, default=0.3)
    weights.add_argument("--local-levels", type=whole_numbers, default=[3, 4, 5])
    weights.add_argument("--local-positions", type=int, default=256)
    weights.add_argument("--local-scale", type=float, default=1, help="of the local target's scores")
    weights.add_argument("--content-weight", type=float, default=0.2)
    weights.add_argument("--identity-weight", type=float, default=10)
    weights.add_argument("--transport-weight", type=float, default=6)
    weights.add_argument("--similarity-weight", type=float, default=4)
    weights.add_argument("--structure-weight", type=float, default=0, help="1 - SSIM but for its brightness; try 4")
    weights.add_argument("--weave-weight", type=float, default=0.5)
    weights.add_argument("--stroke-weight", type=float, default=0.5)
    weights.add_argument("--variation-weight", type=float, default=0)
    weights.add_argument("--temporal-weight", type=float, default=0, help="for video: 60")
    weights.add_argument("--sleep-weight", type=float, default=10)
    weights.add_argument("--supervision-weight", type=float, default=2)
    options = parser.parse_args()
    check_options(options)
    return options


def check_options(options: argparse.Namespace) -> None:
    """Ends the program with one sentence where an option cannot be followed."""
    if len(options.crop) != len(options.batch):
        sys.exit(f"Expected as many sizes for --crop as numbers for --batch but received {len(options.crop)} and {len(options.batch)}.")
    if any(size < 64 or size % 16 for size in options.crop):
        sys.exit(f"Expected multiples of 16 from 64 for --crop but received {','.join(map(str, options.crop))}.")
    if any(count < 1 for count in options.batch):
        sys.exit(f"Expected numbers from 1 for --batch but received {','.join(map(str, options.batch))}.")
    if len(options.global_levels) != 5:
        sys.exit(f"Expected five numbers for --global-levels but received {len(options.global_levels)}.")
    if options.supervision_weight > 0 and 4 not in options.local_levels:
        sys.exit("Expected level 4 among --local-levels, whose target the supervision needs, or --supervision-weight 0.")
    if options.temporal_weight > 0 and min(options.crop) < 128:
        sys.exit(f"Expected sizes from 128 for --crop beside --temporal-weight but received {min(options.crop)}.")
    if options.minutes <= 0:
        sys.exit(f"Expected a time above 0 for --minutes but received {options.minutes:g}.")
    for name in ("threads", "log_every", "save_every", "reuse", "warm_steps", "local_positions"):
        if getattr(options, name) < 1:
            sys.exit(f"Expected a number from 1 for --{name.replace('_', '-')} but received {getattr(options, name)}.")
    for name in (name for name in vars(options) if name.endswith("_weight")):
        if getattr(options, name) < 0:
            sys.exit(f"Expected a weight from 0 for --{name.replace('_', '-')} but received {getattr(options, name):g}.")
    if options.resume and not os.path.exists(f"{options.out}/state.pt"):
        sys.exit(f"Expected a run to go on from at {options.out}/state.pt but found none.")
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("Expected a GPU that PyTorch can use for --device cuda but found none.")


class Training:
    """A network with its optimizers and the moving average of its weights, which is what a run gives."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.chance = options, random.Random(options.seed)
        device = options.device
        self.network = Network(options.preset, read_network(options.preset, options.start)).to(device)
        self.loss_network = LossNetwork(options.loss_network, device=device)
        self.turns = self._pools()
        self.units = losses.Units(self.turns[0][2])
        self.optimizer = self._optimizer()
        self.average = {name: tensor.detach().clone() for name, tensor in self.network.tensors().items()}
        self.supervision = losses.DeepSupervision(self.network, self.loss_network.widths).to(device)
        self.supervision_optimizer = torch.optim.Adam(self.supervision.parameters(), lr=1e-3)
        self.step, self.seconds = 0, 0.0

    def _pools(self) -> list[tuple[int, Pool, Pool]]:
        options = self.options
        photographs, paintings = (read_pictures(f, options.most_pictures) for f in (options.content, options.style))
        print(len(photographs), "photographs", len(paintings), "paintings", flush=True)
        workers = ThreadPoolExecutor(max(1, options.threads))

        def pool(files: list[bytes], size: int, style: bool) -> Pool:
            return Pool(
                files, size, self.loss_network, self.chance, style=style, local_levels=options.local_levels,
                workers=workers, device=options.device, reuse=options.reuse, soft=options.soft, bias=options.bias,
            )  # fmt: skip

        return [
            (count, pool(photographs, size, False), pool(paintings, size, True))
            for count, size in zip(options.batch, options.crop)
        ]

    def _optimizer(self) -> torch.optim.Optimizer:
        options, groups = self.options, []
        for encoder, share in ((True, options.encoder_rate), (False, 1.0)):
            named = self.network.weights.items()
            parameters = [tensor for name, tensor in named if name.startswith("encoder") == encoder]
            groups.append({"params": parameters, "share": share})
        if options.optimizer == "adam":
            return torch.optim.Adam(groups, lr=options.rate, betas=(0.9, 0.99))
        return Muon(groups, options.rate)

    def rate(self, fraction: float) -> float:
        """Falls as a cosine over the run, after a warm-up."""
        options = self.options
        cosine = 0.5 * (1 + math.cos(math.pi * fraction))
        falling = options.final_rate + (options.rate - options.final_rate) * cosine
        return falling * min(1, (self.step + 1) / options.warm_steps)

    def terms(self) -> tuple[int, dict[str, tuple[float, Tensor]]]:
        """How many samples the next step sees, and its losses with their weights."""
        options, network, chance = self.options, self.network, self.chance
        count, photographs, paintings = self.turns[self.step % len(self.turns)]
        content, style = photographs.batch(count), paintings.batch(count)
        shown, painted = content["x"], style["x"]
        if options.grain > 0:  # only the network sees it; losses look at the clean photograph
            shown = shown + grain(count, *shown.shape[2:], options.grain, options.device)
        result = network(shown, painted)
        terms = {"sleep": (options.sleep_weight, sum(network.sleepiness) / len(network.sleepiness))}
        seen = self.loss_network(result)
        targets = {}
        for level in options.local_levels:
            grid = losses.choose_grid(channels_last(seen[level - 1]), options.local_positions, chance)
            targets[level] = losses.LocalTarget(level, grid, content, style, options.local_scale)
        size = photographs.size
        terms |= {
            f"global{size}": (options.global_weight, losses.global_style(seen, style, self.units, options.global_levels)),
            "local": (options.local_weight, losses.local_feature(seen, targets, self.units)),
            "content": (options.content_weight, losses.content_features(seen, content)),
            "weave": (options.weave_weight, losses.weave(result)),
            "structure": (options.structure_weight, losses.structure(result, content["x"])),
            "strokes": (options.stroke_weight, losses.stroke_energy(result, style)),
            "variation": (options.variation_weight, losses.total_variation(result)),
            "range": (5.0, losses.outside_range(result)),
        }
        if options.transport_weight > 0:
            terms["transport"] = options.transport_weight, losses.relaxed_transport(seen, style, chance)
        if options.similarity_weight > 0:
            terms["similarity"] = options.similarity_weight, losses.self_similarity(seen, content, chance)
        if options.supervision_weight > 0:
            heard = self.supervision(network, content, style, targets[4], self.units.square[3])
            terms["supervision"] = options.supervision_weight, heard
        if options.identity_weight > 0 and self.step % 5 == 4:
            index = chance.randrange(count)
            picture = (content if chance.random() < 0.5 else style)["x"][index : index + 1]
            terms["identity"] = options.identity_weight, ((network(picture, picture) - picture) ** 2).mean()
        if options.temporal_weight > 0:
            moved = losses.steadiness(network, content["x"], painted, result, chance)
            terms["temporal"] = options.temporal_weight, moved
        return count, terms

    def advance(self, rate: float) -> tuple[int, dict[str, Tensor]]:
        """One step: how many samples it saw, its losses without their weights, and the gradient's length."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        count, terms = self.terms()
        self.optimizer.zero_grad(set_to_none=True)
        self.supervision_optimizer.zero_grad(set_to_none=True)
        sum(weight * term for weight, term in terms.values()).backward()
        length = torch.nn.utils.clip_grad_norm_(list(self.network.parameters()), self.options.clip)
        if torch.isfinite(length):
            self.optimizer.step()
            self.supervision_optimizer.step()
        self.step += 1
        keep = min(self.options.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, tensor in self.network.tensors().items():
                self.average[name].mul_(keep).add_(tensor, alpha=1 - keep)
        return count, {name: term.detach() for name, (_, term) in terms.items()} | {"gradient": length}

    def save(self, name: str) -> None:
        """The averaged weights as a model, and all that --resume needs."""
        folder = self.options.out
        write_tensors(f"{folder}/{name}.safetensors", self.average, self.options.preset)
        state = {
            "preset": self.options.preset,
            "optimizer_name": self.options.optimizer,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "supervision": self.supervision.state_dict(),
            "supervision_optimizer": self.supervision_optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, f"{folder}/state.tmp")
        os.replace(f"{folder}/state.tmp", f"{folder}/state.pt")

    def resume(self) -> None:
        """Goes on from the last save; ends the program with one sentence where it is another network's."""
        state = torch.load(f"{self.options.out}/state.pt", map_location=self.options.device)
        for name, given in (("preset", self.options.preset), ("optimizer_name", self.options.optimizer)):
            if state.get(name) != given:
                option = "--optimizer" if name == "optimizer_name" else "--preset"
                sys.exit(f"Expected {option} {state.get(name)}, as the run in {self.options.out} has it, but received {given}.")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = state["average"]
        self.supervision.load_state_dict(state["supervision"])
        self.supervision_optimizer.load_state_dict(state["supervision_optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        print("resumed at", self.step, flush=True)


def main() -> None:
    options = parse_options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    if options.device == "cpu":
        torch.set_flush_denormal(True)
    else:
        torch.backends.cudnn.benchmark = True
    os.makedirs(options.out, exist_ok=True)
    stopped: list[int] = []
    training = Training(options)
    if options.resume:
        training.resume()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stopped.append(received))
    logged: dict[str, list[Tensor]] = {}
    last = since = time.monotonic()
    samples = 0
    while not stopped and (options.steps is None or training.step < options.steps):
        fraction = training.seconds / (options.minutes * 60)
        if fraction >= 1:
            break
        rate = training.rate(fraction)
        count, values = training.advance(rate)
        now = time.monotonic()
        training.seconds += now - last
        last = now
        samples += count
        for name, value in values.items():
            logged.setdefault(name, []).append(value)
        if training.step % options.log_every == 0:
            line = {name: round(float(torch.stack(v).float().mean()), 4) for name, v in logged.items()}
            line |= {"step": training.step, "rate": round(rate, 7), "samplesPerSecond": round(samples / (now - since), 2)}
            print(json.dumps(line), flush=True)
            with open(f"{options.out}/log.jsonl", "a") as file:
                file.write(f"{json.dumps(line)}\n")
            logged, since, samples = {}, now, 0
        if training.step % options.save_every == 0:
            training.save(f"step-{training.step:06d}")
    training.save("final")
    print("saved", training.step, flush=True)


if __name__ == "__main__":
    main()
