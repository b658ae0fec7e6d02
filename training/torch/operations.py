"""
What the networks are made of beside convolutions, in forms that are fast in bfloat16 on a CPU, with gradients that keep training calm.
In float32, and outside of training, values and gradients are those of the operators in packages/graph.
"""
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-5
"""Added to a variance before its root is taken (released code)."""


def channels_last(x: Tensor) -> Tensor:
    """[n, c, h, w] as [n, h, w, c]."""
    return x.permute(0, 2, 3, 1)


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of every channel, [n, c, 1, 1] in float32: sigma = sqrt(unbiased variance + 1e-5)."""
    if x.dtype != torch.bfloat16:
        variance, mean = torch.var_mean(x.float(), (2, 3), keepdim=True)
        return mean, (variance + EPSILON).sqrt()
    # Sums as products with ones take a tenth of the time. They go about a first mean: of a nearly constant channel (a flat
    # picture) a difference of squares would leave nothing but rounding.
    n, c, h, w = x.shape
    count = h * w
    ones = torch.ones(n, 1, count, dtype=x.dtype, device=x.device)
    if x.is_contiguous():
        points = x.flatten(2)
        total = lambda t: torch.bmm(t, ones.transpose(1, 2))  # noqa: E731
    else:
        points = channels_last(x).reshape(n, count, c)
        total = lambda t: torch.bmm(ones, t)  # noqa: E731
    first = total(points.detach()) / count
    centered = points - first
    mean = total(centered).float().flatten(1) / count
    square = total(centered * centered).float().flatten(1) / count
    variance = ((square - mean * mean) * (count / max(1, count - 1))).clamp_min(0)
    return (mean + first.float().flatten(1))[..., None, None], (variance + EPSILON).sqrt()[..., None, None]


def _sum(x: Tensor) -> Tensor:
    """The sum over all positions of a float map, [n, c, 1, 1], as a product with ones."""
    n, c, h, w = x.shape
    ones = torch.ones(n, 1, h * w, device=x.device)
    if x.is_contiguous():
        return torch.bmm(x.flatten(2), ones.transpose(1, 2))[:, :, 0, None, None]
    return torch.bmm(ones, channels_last(x).reshape(n, h * w, c))[:, 0, :, None, None]


class _Normalize(torch.autograd.Function):
    """
    y = (x - mean) / sigma;  dx = (dy - mean(dy) - y * sum(dy * y) / (count - 1)) / sigma.

    While training, sigma in the gradient is at least about a third of the batch's: a channel that hardly wakes in a picture would
    multiply what it hears by hundreds, and that is noise.
    """

    @staticmethod
    def forward(ctx, x: Tensor, training: bool) -> Tensor:
        mean, deviation = statistics(x)
        y = (x.float() - mean) / deviation
        least = 0.3 * deviation.mean(0, keepdim=True) + 0.1 * deviation.mean()
        ctx.save_for_backward(y, torch.maximum(deviation, least) if training else deviation)
        ctx.dtype = x.dtype
        return y

    @staticmethod
    def backward(ctx, gradient: Tensor):
        y, deviation = ctx.saved_tensors
        count = y.shape[2] * y.shape[3]
        gradient = gradient.float()
        if y.is_contiguous(memory_format=torch.channels_last):
            gradient = gradient.contiguous(memory_format=torch.channels_last)
        change = gradient - _sum(gradient) / count - y * (_sum(gradient * y) / max(1, count - 1))
        return (change / deviation).to(ctx.dtype), None


def normalize(x: Tensor, training: bool = True) -> Tensor:
    """Norm (paper, section 3.1): every channel of every picture with mean 0 and deviation 1, in float32."""
    return _Normalize.apply(x, training)


class _ReflectBorder(torch.autograd.Function):
    """A reflected border of 1 in any type; PyTorch's own has none in bfloat16."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        y = torch.empty((n, c, h + 2, w + 2), dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        y[:, :, 1:-1, 1:-1] = x
        y[:, :, 0, 1:-1] = x[:, :, 1]
        y[:, :, -1, 1:-1] = x[:, :, -2]
        y[..., 0] = y[..., 2]
        y[..., -1] = y[..., -3]
        return y

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient[..., 2] += gradient[..., 0]
        gradient[..., -3] += gradient[..., -1]
        gradient = gradient[..., 1:-1]
        inner = gradient[:, :, 1:-1].clone()
        inner[:, :, 1] += gradient[:, :, 0]
        inner[:, :, -2] += gradient[:, :, -1]
        return inner


def reflect_border(x: Tensor) -> Tensor:
    """[n, c, h, w] with a reflected border of 1, [n, c, h + 2, w + 2]. Sides must be at least 2."""
    return _ReflectBorder.apply(x)


class _LeakyGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        y = F.relu(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return torch.where(y > 0, gradient, gradient * 0.01)


def waking_relu(x: Tensor) -> Tensor:
    """ReLU whose gradient leaks by a hundredth, so that a channel that no picture wakes can come back."""
    return _LeakyGradient.apply(x)


def calm(gradient: Tensor) -> Tensor:
    """
    Lets no picture's gradient count more than twice the batch's median. Norm divides by deviations that are tiny in flat pictures;
    one such picture was seen to hold 90 to 100 % of a batch's gradient.
    """
    length = gradient.float().flatten(1).norm(dim=1)
    share = (2 * length.median() / (length + 1e-12)).clamp(max=1)
    return gradient * share.view(-1, 1, 1, 1).to(gradient.dtype)


def resize_nearest(x: Tensor, size: torch.Size) -> Tensor:
    """The nearest values of [n, c, h, w] at another size, as `F.interpolate` has them; whole steps in any type."""
    (h, w), (rows, columns) = x.shape[-2:], size
    down, across = h // rows, w // columns
    if down * rows == h and across * columns == w:
        return x[:, :, ::down, ::across]
    return F.interpolate(x.float(), size=size, mode="nearest")


def even_steps(size: torch.Size, most: int) -> tuple[int, int]:
    """
    The steps, down and across, of a grid of at most `most` positions of a map of this size: as near to square as can be, then with
    most positions, as packages/adaattn chooses them.
    """
    height, width = size
    best, kept = (height, width), 1
    for down in range(1, height + 1):
        rows = -(-height // down)
        if rows > most:
            continue
        across = -(-width // (most // rows))
        total = rows * -(-width // across)
        if (max(down, across), -total) < (max(best), -kept):
            best, kept = (down, across), total
        if down >= across:
            break
    return best


def pick_evenly(x: Tensor, most: int) -> Tensor:
    """At most `most` positions of [n, c, h, w] on an even grid: [n, c, h', w']."""
    down, across = even_steps(x.shape[-2:], most)
    return x[..., (down - 1) // 2 :: down, (across - 1) // 2 :: across]
