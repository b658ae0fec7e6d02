"""
What training minimizes. Results are seen by the loss network (level 1 to 5, [n, c, h, w]); `content` and `style` are batches of
data.Pool. Sections and equations are those of the paper (Liu et al., ICCV 2021); the others are named.
"""
from __future__ import annotations

import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data import Pool
from networks import Network
from operations import channels_last, normalize, statistics

Batch = dict[str, Tensor]
Grid = tuple[slice, slice]


class Units:
    """What losses are divided by: the usual squares of each level's means and deviations over a batch of paintings."""

    def __init__(self, paintings: Pool) -> None:
        batch = paintings.batch(96)
        pairs = [(batch[f"mean{level}"], batch[f"deviation{level}"]) for level in range(1, 6)]
        self.square = [float((mean**2 + deviation**2).mean()) for mean, deviation in pairs]


def choose_grid(feature: Tensor, most: int, chance: random.Random) -> Grid:
    """At most `most` positions of [n, h, w, c]: every k-th in both directions, from a random corner."""
    height, width = feature.shape[1:3]
    step = 1
    while -(-height // step) * -(-width // step) > most:
        step += 1
    start = [chance.randrange(step) if side > step else 0 for side in (height, width)]
    return slice(start[0], None, step), slice(start[1], None, step)


def at_grid(feature: Tensor, grid: Grid) -> Tensor:
    """Those positions of [n, h, w, c] as [n, p, c]."""
    return feature[:, grid[0], grid[1]].flatten(1, 2)


def global_style(seen: list[Tensor], style: Batch, units: Units, weights: list[float]) -> Tensor:
    """Equation 9, relative: half by the painting's own squares and half by the usual ones, so that dark paintings count too."""
    total = 0.0
    for level, weight in enumerate(weights, 1):
        mean, deviation = statistics(seen[level - 1])
        wanted_mean, wanted_deviation = style[f"mean{level}"], style[f"deviation{level}"]
        own = (wanted_mean**2 + wanted_deviation**2).mean((1, 2, 3))
        error = ((mean - wanted_mean) ** 2 + (deviation - wanted_deviation) ** 2).mean((1, 2, 3))
        total = total + weight / sum(weights) * (error / (0.5 * own + 0.5 * units.square[level - 1])).mean()
    return total


class LocalTarget:
    """AdaAttN with f, g and h the identity (section 3.3) at some positions of one level: what equation 10 wants there."""

    @torch.no_grad()
    def __init__(self, level: int, grid: Grid, content: Batch, style: Batch, scale: float) -> None:
        self.grid = grid
        queries, keys, values = at_grid(content[f"keys{level}"], grid), style[f"keys{level}"], style[f"values{level}"]
        channels = values.shape[2]
        scores = torch.bmm(queries, keys.transpose(1, 2)).float() * scale
        shares = torch.softmax(scores, -1).to(values.dtype)
        attended = torch.bmm(shares, torch.cat([values, values * values], 2)).float()
        mean, second = attended[..., :channels], attended[..., channels:]
        deviation = (second - mean * mean).clamp_min(0).sqrt()
        self.value = deviation * queries[..., -channels:].float() + mean


def local_feature(seen: list[Tensor], targets: dict[int, LocalTarget], units: Units) -> Tensor:
    """Equation 10 at the targets' positions, each level in its own units."""
    total = 0.0
    for level, target in targets.items():
        own = at_grid(channels_last(seen[level - 1]), target.grid).float()
        total = total + ((own - target.value) ** 2).mean() / units.square[level - 1] / len(targets)
    return total


def content_features(seen: list[Tensor], content: Batch) -> Tensor:
    """Norm of the result's features at levels 4 and 5 against the photograph's (an ablation in the released code)."""
    total = 0.0
    for level in (4, 5):
        own = seen[level - 1]
        total = total + ((channels_last(normalize(own)) - content[f"keys{level}"][..., -own.shape[1] :]) ** 2).mean() / 2
    return total


def relaxed_transport(seen: list[Tensor], style: Batch, chance: random.Random) -> Tensor:
    """
    Relaxed earth mover's distance at levels 2 to 4 (Kolkin et al., CVPR 2019): every point of the result has a like one in the
    painting, and the other way round. 1 - cosine, the mean of both ways.
    """
    total = 0.0
    for level in (2, 3, 4):
        maps = channels_last(seen[level - 1]), style[f"feature{level}"]
        own, painted = (F.normalize(at_grid(x, choose_grid(x, 1024, chance)).float(), dim=2) for x in maps)
        with torch.no_grad():  # whom each is like; then only those pairs
            likeness = torch.bmm(own.to(torch.bfloat16), painted.to(torch.bfloat16).transpose(1, 2))
            nearest_painted, nearest_own = likeness.max(2)[1], likeness.max(1)[1]
        pairs = (
            (own, painted.gather(1, nearest_painted[..., None].expand_as(own))),
            (own.gather(1, nearest_own[..., None].expand_as(painted)), painted),
        )
        total = total + sum(1 - (one * other).sum(2).mean() for one, other in pairs) / 6
    return total


def self_similarity(seen: list[Tensor], content: Batch, chance: random.Random) -> Tensor:
    """How unlike points of the result are to each other, against the photograph's, at levels 3 and 4 (Kolkin et al., CVPR 2019)."""
    total = 0.0
    for level in (3, 4):
        own = channels_last(seen[level - 1])
        grid = choose_grid(own, 256, chance)
        shares = []
        for feature in (own, content[f"feature{level}"]):
            # In float32 the batched product takes fifty times as long on a CPU.
            points = F.normalize(at_grid(feature, grid).float(), dim=2).to(torch.bfloat16)
            distances = 1 - torch.bmm(points, points.transpose(1, 2)).float()
            shares.append(distances / (distances.sum(2, keepdim=True) + 1e-5))
        total = total + (shares[0] - shares[1]).abs().sum(2).mean() / 2
    return total


GREY = (0.299, 0.587, 0.114)
FLOOR = 1e-6
"""Added to energies before their logarithm: a tenth of a gray level, below which nothing is seen."""


def luminance(pictures: Tensor) -> Tensor:
    """[n, 3, h, w] as [n, 1, h, w]."""
    weights = torch.tensor(GREY, device=pictures.device)
    return (pictures * weights.view(1, 3, 1, 1)).sum(1, keepdim=True)


def similarity_parts(result: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
    """
    The two factors of SSIM of luminances in [0, 1] at every window, of brightness and of contrast with structure (Wang et al., 2004):
    Gaussian windows of 11 pixels, deviation 1.5, as `adaattn eval` has it.
    """
    line = torch.exp(-((torch.arange(11, device=result.device).float() - 5) ** 2) / 4.5)
    across, along = (line / line.sum()).view(1, 1, 1, 11), (line / line.sum()).view(1, 1, 11, 1)
    blur = lambda x: F.conv2d(F.conv2d(x, across), along)  # noqa: E731
    x, y = luminance(result.float()), luminance(content.float())
    mean_x, mean_y = blur(x), blur(y)
    variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    brightness = (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
    return brightness, (2 * covariance + 9e-4) / (variances + 9e-4)


def structure(result: Tensor, content: Tensor) -> Tensor:
    """1 - SSIM without its factor of brightness, so that the palette is free; the mean of the picture's own size and of half of it."""
    half = (F.avg_pool2d(result, 2), F.avg_pool2d(content, 2))
    return sum(1 - similarity_parts(own, shown)[1].mean() for own, shown in ((result, content), half)) / 2


WINDOW = 32
PEAKS = ((4, 0), (0, 4), (4, 4), (4, -4), (8, 4), (4, 8), (8, 0), (0, 8), (8, 8), (8, -8), (16, 0), (0, 16), (16, 16), (16, 8), (8, 16))
"""Waves of 8, 4 and 2 pixels along rows, columns and diagonals, as places in the spectrum of a window: the grids of upsampling."""


def weave(result: Tensor) -> Tensor:
    """
    How much stronger waves of 8, 4 and 2 pixels are than waves a little longer and shorter: the logarithm of their energies' ratio,
    averaged over the calmest quarter of each picture's windows of 32 pixels, the next and so on, so that a grid in a flat sky is not
    made up for by a forest. 0 without a grid.
    """
    gray = luminance(result)[:, 0]
    windows = gray.unfold(1, WINDOW, WINDOW // 2).unfold(2, WINDOW, WINDOW // 2).flatten(1, 2)
    taper = torch.hann_window(WINDOW, device=result.device)
    centered = (windows - windows.mean((-2, -1), keepdim=True)) * taper[:, None] * taper
    order = centered.detach().square().sum((-2, -1)).argsort(1)
    spectrum = torch.fft.fft2(centered.gather(1, order[..., None, None].expand_as(centered))) / WINDOW
    energy = torch.stack([x.mean(1) for x in (spectrum.abs().square() + FLOOR).log().tensor_split(4, 1)])
    excess = []
    for row, column in PEAKS:
        shifts = [(3, 0), (-3, 0)] if row else []
        shifts += [(0, 3), (0, -3)] if column else []
        around = sum(energy[..., (row + y) % WINDOW, (column + x) % WINDOW] for y, x in shifts) / len(shifts)
        excess.append(energy[..., row % WINDOW, column % WINDOW] - around)
    return F.relu(torch.stack(excess)).mean((1, 2)).sum()


def local_energy(pictures: Tensor) -> list[Tensor]:
    """Logarithms of the energy of details of about 8, 16 and 32 pixels in windows of 32, sorted: three of [n, windows]."""
    energies, x = [], F.avg_pool2d(luminance(pictures), 2)
    for cell in (2, 4, 8):
        coarse = F.avg_pool2d(x, 2)
        detail = x - F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        around = F.avg_pool2d(detail.square(), WINDOW // cell, WINDOW // cell // 2)
        energies.append((around + FLOOR).log().flatten(1).sort(1)[0])
        x = coarse
    return energies


def stroke_energy(result: Tensor, style: Batch) -> Tensor:
    """
    Where the painting is brushed all over, so should be the result: its calmest places against the painting's calmest, its liveliest
    against its liveliest, by size of detail. The mean difference of logarithms.
    """
    pairs = zip(local_energy(result), local_energy(style["x"]))
    return sum((own - painted).abs().mean() for own, painted in pairs) / 3


def total_variation(result: Tensor) -> Tensor:
    """The mean absolute difference of neighboring pixels, along rows plus along columns (Johnson et al., 2016)."""
    across = (result[..., 1:] - result[..., :-1]).abs().mean()
    return across + (result[:, :, 1:] - result[:, :, :-1]).abs().mean()


def outside_range(result: Tensor) -> Tensor:
    """How far pixels lie outside of 0 to 1, squared."""
    return (result - result.clamp(0, 1)).pow(2).mean()


def steadiness(network: Network, content: Tensor, style: Tensor, result: Tensor, chance: random.Random) -> Tensor:
    """
    A moved, slightly noisy photograph is painted as the moved result is (for video); borders are left out. Moves by multiples of
    the strides, after which a network of convolutions gives the same anyway, would teach next to nothing.
    """
    move = chance.randint(-9, 9), chance.randint(-9, 9)
    moved = content.roll(move, (2, 3)) + torch.randn_like(content) * 0.01
    difference = network(moved, style) - result.roll(move, (2, 3))
    return (difference[:, :, 32:-32, 32:-32] ** 2).mean()


class DeepSupervision(nn.Module):
    """
    Heads that are trained along and thrown away: what encoder levels 4 and 5 hold must tell what the loss network sees there, and
    decoder 4_1 the local target. Without them level 3 alone lowers the loss faster, and the deep path dies.
    """

    def __init__(self, network: Network, widths: tuple[int, ...]) -> None:
        super().__init__()
        tensors = network.tensors()
        self.levels = [level for level in network.preset.levels if level > 3]
        own = [tensors[f"encoder.{level}_1.weight"].shape[0] for level in self.levels]
        self.heads = nn.ParameterList(
            nn.Parameter(torch.zeros(widths[level - 1], channels)) for level, channels in zip(self.levels, own)
        )
        self.deep = nn.Parameter(torch.zeros(widths[3], tensors["decoder.4_1.weight"].shape[0]))
        self.bias = nn.Parameter(torch.zeros(widths[3]))

    def forward(self, network: Network, content: Batch, style: Batch, target: LocalTarget, unit: float) -> Tensor:
        total = 0.0
        for level, head in zip(self.levels, self.heads):
            wanted = content[f"keys{level}"].flatten(1, 2), style.get(f"keys{level}")
            for features, keys in zip(network.features, wanted):
                if keys is not None and keys.shape[1] == features[level - 1][0, 0].numel():
                    own = channels_last(normalize(features[level - 1])).flatten(1, 2)
                    total = total + ((own @ head.t() - keys[..., -head.shape[0] :].float()) ** 2).mean() / 4
        own = at_grid(channels_last(network.deep), target.grid).float()
        own = own / (own.detach().std() + 1e-6)
        return total + ((own @ self.deep.t() + self.bias - target.value) ** 2).mean() / unit
