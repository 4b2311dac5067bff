"""The ways of peers.py that train with PyTorch: the same networks and steps, in its idiom.

The discriminator's weights take no gradient in the generator's update, fakes for the discriminator
are made without a graph, and Adam is the fused one, which was the fastest of PyTorch's three on
every network here.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from ways.cases import Case
from ways.cases import Clocks


class Picture(nn.Module):
    """Rows of features to pictures, whose channels lie as those of the network do."""

    def __init__(self, channels: int, height: int, width: int, memory_format: torch.memory_format):
        super().__init__()
        self.shape = (channels, height, width)
        self.memory_format = memory_format

    def forward(self, inputs):
        return inputs.unflatten(1, self.shape).contiguous(memory_format=self.memory_format)


class Maxout(nn.Module):
    """The largest of five linear pieces, as `kgan.layers.Maxout`."""

    def __init__(self, inputs: int, units: int, pieces: int = 5):
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.pieces = pieces

    def forward(self, inputs):
        return self.linear(inputs).unflatten(1, (-1, self.pieces)).max(-1).values


class ZeroToOne(nn.Module):
    """A sigmoid stretched to [-1, 1], as the generators of kgan.models.mlp end."""

    def forward(self, inputs):
        return 2 * torch.sigmoid(inputs) - 1


class GlobalMaxPool(nn.Module):
    """The largest value of every channel."""

    def forward(self, inputs):
        return inputs.amax((2, 3))


def guide(case: Case, memory_format: torch.memory_format) -> tuple[nn.Module, nn.Module]:
    """The networks of the Keras guide on conditional GANs, without their labels."""
    side = case.image_shape[0] // 4
    generator = nn.Sequential(
        nn.Linear(case.latent_dim, side * side * 128),
        nn.LeakyReLU(0.2),
        Picture(128, side, side, memory_format),
        nn.ConvTranspose2d(128, 128, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(128, 128, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(128, 1, 7, padding=3),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 3, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 3, 2, 1),
        nn.LeakyReLU(0.2),
        GlobalMaxPool(),
        nn.Linear(128, 1),
    )
    return generator, discriminator


def dcgan(case: Case, memory_format: torch.memory_format) -> tuple[nn.Module, nn.Module]:
    """The networks of kgan.models.dcgan; without batch norm in the discriminator of penalties."""
    side, doublings = case.image_shape[0], 0
    while side % 2 == 0 and side >= 8:
        side, doublings = side // 2, doublings + 1
    image_channels = case.image_shape[-1]
    channels = case.width * 2 ** (doublings - 1)
    generator = [
        nn.Linear(case.latent_dim, side * side * channels, bias=False),
        Picture(channels, side, side, memory_format),
        *batch_norm_relu(channels),
    ]
    for _ in range(1, doublings):
        generator.append(nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False))
        channels //= 2
        generator.extend(batch_norm_relu(channels))
    generator += [nn.ConvTranspose2d(channels, image_channels, 4, 2, 1), nn.Tanh()]

    discriminator = [nn.Conv2d(image_channels, case.width, 4, 2, 1), nn.LeakyReLU(0.2)]
    channels = case.width
    for _ in range(1, doublings):
        is_normal = not case.penalties
        discriminator.append(nn.Conv2d(channels, channels * 2, 4, 2, 1, bias=not is_normal))
        channels *= 2
        if is_normal:
            discriminator.append(nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01))
        discriminator.append(nn.LeakyReLU(0.2))
    discriminator += [nn.Flatten(), nn.Linear(side * side * channels, 1)]
    pair = nn.Sequential(*generator), nn.Sequential(*discriminator)
    for layer in (layer for network in pair for layer in network):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.02)
    return pair


def batch_norm_relu(channels: int) -> list[nn.Module]:
    """With the epsilon and the momentum of Keras, which PyTorch counts from the other end."""
    return [nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01), nn.ReLU()]


def mlp(case: Case, memory_format: torch.memory_format) -> tuple[nn.Module, nn.Module]:
    """The 2014 paper's pair, as in kgan.models.mlp."""
    height, width, channels = case.image_shape
    size = math.prod(case.image_shape)
    generator = nn.Sequential(
        *(nn.Linear(case.latent_dim, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU()),
        *(nn.Linear(1200, size), ZeroToOne(), Picture(channels, height, width, memory_format)),
    )
    discriminator = nn.Sequential(
        *(nn.Flatten(), nn.Dropout(0.2), Maxout(size, 240), nn.Dropout(0.5)),
        *(Maxout(240, 240), nn.Dropout(0.5), nn.Linear(240, 1)),
    )
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        nn.init.uniform_(parameter, -0.02, 0.02)
    return generator, discriminator


def small_mlp(case: Case, memory_format: torch.memory_format) -> tuple[nn.Module, nn.Module]:
    """One hidden layer each, as in kgan.models.mlp."""
    height, width, channels = case.image_shape
    size = math.prod(case.image_shape)
    generator = nn.Sequential(
        *(nn.Linear(case.latent_dim, case.width), nn.ReLU(), nn.Linear(case.width, size)),
        *(ZeroToOne(), Picture(channels, height, width, memory_format)),
    )
    discriminator = nn.Sequential(
        *(nn.Flatten(), nn.Linear(size, case.width), nn.LeakyReLU(0.2), nn.Linear(case.width, 1)),
    )
    return generator, discriminator


NETWORKS = {"guide": guide, "dcgan": dcgan, "mlp": mlp, "small_mlp": small_mlp}


class Trainer:
    """The two networks, their optimizers, and a step of Algorithm 1 with k = 1."""

    def __init__(self, case: Case, *, channels_last: bool, share_fakes: bool, compiled: bool):
        torch.manual_seed(0)
        self.case = case
        self.share_fakes = share_fakes
        memory_format = torch.channels_last if channels_last else torch.contiguous_format
        pair = NETWORKS[case.networks](case, memory_format)
        pair = [network.to(memory_format=memory_format) for network in pair]
        self.parameters = [sum(p.numel() for p in network.parameters()) for network in pair]
        self.d_optimizer, self.g_optimizer = (
            torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999), eps=1e-7, fused=True)
            for network in reversed(pair)
        )
        self.d_weights = list(pair[1].parameters())
        if compiled:
            pair = [torch.compile(network, dynamic=False) for network in pair]
        self.generator, self.discriminator = pair
        height, width, channels = case.image_shape
        real = torch.rand(case.batch_size, channels, height, width) * 2 - 1
        self.real = real.contiguous(memory_format=memory_format)

    def step(self):
        """Update both players once; return the two losses."""
        with torch.set_grad_enabled(self.share_fakes):
            fake = self.generate()
        d_loss = self.discriminator_loss(self.real, fake.detach())
        self.d_optimizer.zero_grad(set_to_none=True)
        d_loss.backward()
        self.d_optimizer.step()

        for weight in self.d_weights:
            weight.requires_grad_(False)
        if not self.share_fakes:
            fake = self.generate()
        g_loss = functional.softplus(-self.discriminator(fake)).mean()
        self.g_optimizer.zero_grad(set_to_none=True)
        g_loss.backward()
        self.g_optimizer.step()
        for weight in self.d_weights:
            weight.requires_grad_(True)
        return d_loss.detach(), g_loss.detach()

    def generate(self):
        """Fakes of fresh latents."""
        return self.generator(torch.randn(self.case.batch_size, self.case.latent_dim))

    def discriminator_loss(self, real, fake):
        """The non-saturating loss, with R1 and R2 of one pass over the images where asked for."""
        if self.case.penalties:
            real, fake = real.detach().requires_grad_(), fake.requires_grad_()
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
        loss = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
        if self.case.penalties:
            logits = real_logits.sum() + fake_logits.sum()
            slopes = torch.autograd.grad(logits, (real, fake), create_graph=True)
            for slope in slopes:
                loss = loss + 0.1 / 2 * slope.square().sum((1, 2, 3)).mean()
        return loss

    def run(self, steps: int) -> tuple[dict, list[float]]:
        """What so many steps took after a first one, and their mean losses."""
        self.step()
        d_sum = g_sum = torch.zeros(())
        clocks = Clocks()
        for _ in range(steps):
            d_loss, g_loss = self.step()
            d_sum, g_sum = d_sum + d_loss, g_sum + g_loss
        losses = [d_sum.item() / steps, g_sum.item() / steps]
        return clocks.read(), losses


def begin(threads: int) -> None:
    """Set up the library for so many threads."""
    torch.set_num_threads(threads)


def build(case: Case, options: dict[str, Any]) -> Trainer:
    """The trainer of a way."""
    return Trainer(case, **options)


def matrix_product(side: int) -> Callable[[], Any]:
    """A function that multiplies two matrices."""
    one, other = torch.rand(side, side), torch.rand(side, side)
    return lambda: torch.mm(one, other)
