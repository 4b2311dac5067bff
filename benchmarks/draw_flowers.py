"""Draw colour pictures of flowers and balls: a data set like someone's own photos, of no one's.

    python benchmarks/draw_flowers.py pictures
    python benchmarks/draw_flowers.py pictures --classes --count=1000 --size=128 --seed=1
    kgan train --dataset=folder:pictures --flip --images=200000 --run_dir=runs/flowers

Five kinds of flowers (daisy, poppy, rose, sunflower, tulip) and shaded balls, one after the other,
of many colours, sizes, places, tilts and lights, alone or a few together, before blurred gradients.
With --classes each kind has a folder of its own. 600 pictures of 64 x 64 pixels take a minute.
Picture number i of a seed is the same in every set.
"""

import argparse
import colorsys
from pathlib import Path

import numpy as np
from PIL import Image

# Each is drawn so many times as large, which smooths its edges.
_LARGER = 3


def draw(number: int, size: int = 64, seed: int = 0) -> np.ndarray:
    """One picture.

    Args:
        number: int >= 0, which one; kind number % 6 of `KINDS` is on it.
        size: int, pixels a side, default 64.
        seed: int >= 0, of the set.

    Returns:
        A uint8 array, (size, size, 3).
    """
    draws = np.random.default_rng([seed, number])
    picture = Picture(size * _LARGER, draws)
    picture.background()
    draw_one = list(KINDS.values())[number % len(KINDS)]
    heads = draws.choice([1, 2, 3], p=[0.7, 0.2, 0.1])
    radius = draws.uniform(0.45, 0.75) / heads**0.4
    hue = draws.uniform()
    # The farthest first.
    for nearness in np.linspace(0.75, 1, heads):
        centre = draws.uniform(-0.3, 0.3, 2) if heads == 1 else draws.uniform(-0.55, 0.55, 2)
        draw_one(picture, centre, radius * nearness, hue + draws.normal(0, 0.02), draws)
    return picture.developed(size)


def main():
    """Draw a set into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--count", type=int, default=600, help="pictures")
    parser.add_argument("--size", type=int, default=64, help="pixels a side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--classes", action="store_true", help="a folder for each kind")
    given = parser.parse_args()
    if given.folder.exists():
        parser.error(f"{given.folder} is there already. Name a new folder.")
    given.folder.mkdir(parents=True)
    for number in range(given.count):
        kind = list(KINDS)[number % len(KINDS)]
        folder = given.folder / kind if given.classes else given.folder
        folder.mkdir(exist_ok=True)
        pixels = draw(number, given.size, given.seed)
        Image.fromarray(pixels).save(folder / f"{number:05d}.png")


class Picture:
    """Pixels in [0, 1] that are painted over, from -1 to 1 in x, to the right, and y, downwards."""

    def __init__(self, side: int, draws: np.random.Generator):
        self.y, self.x = np.mgrid[-1 : 1 : 1j * side, -1 : 1 : 1j * side]
        self.pixels = np.zeros((side, side, 3))
        self.draws = draws
        # Where the light comes from, mostly above.
        angle = draws.uniform(-2.6, -0.5)
        self.light = np.array([np.cos(angle), np.sin(angle)])

    def paint(self, mask, colour, shade=1.0) -> None:
        """Put a colour, times a shade for each pixel, where the mask, in [0, 1], is not 0."""
        colour = np.clip(np.asarray(colour) * np.asarray(shade)[..., None], 0, 1)
        self.pixels += np.asarray(mask, float)[..., None] * (colour - self.pixels)

    def background(self) -> None:
        """A gradient of two colours that go together, with blurred lights in it."""
        draws = self.draws
        kind = draws.choice(["meadow", "sky", "dusk", "wall"])
        hue = {"meadow": 0.28, "sky": 0.57, "dusk": 0.85, "wall": draws.uniform()}[kind]
        hue += draws.normal(0, 0.04)
        strength = 0.15 if kind == "wall" else draws.uniform(0.35, 0.65)
        one = hsv(hue, strength, draws.uniform(0.25, 0.9))
        other = hsv(hue + draws.normal(0, 0.06), strength * 0.8, draws.uniform(0.25, 0.95))
        angle = draws.normal(np.pi / 2, 0.5)
        along = (self.x * np.cos(angle) + self.y * np.sin(angle)) / 2.4 + 0.5
        self.paint(np.ones_like(along), one)
        self.paint(np.clip(along, 0, 1), other)
        for _ in range(draws.integers(0, 9)):
            far = np.hypot(self.x - draws.uniform(-1, 1), self.y - draws.uniform(-1, 1))
            soft = 1 / (1 + np.exp((far - draws.uniform(0.1, 0.4)) * 14))
            light = hsv(hue + draws.normal(0, 0.08), strength, draws.uniform(0.3, 1))
            self.paint(soft * draws.uniform(0.2, 0.5), light)

    def polar(self, centre, tilt=0.0, turn=0.0) -> tuple:
        """Distance and angle from a centre, in a disc that is tilted away and turned."""
        x, y = self.x - centre[0], self.y - centre[1]
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        v = v / (1 - tilt)
        return np.hypot(u, v), np.arctan2(v, u)

    def shadow(self, centre, radius: float) -> None:
        """Darken what is behind a disc, away from the light."""
        far = np.hypot(self.x - centre[0], self.y - centre[1])
        self.paint(0.35 * np.clip(1.6 - far / radius, 0, 1), np.zeros(3))

    def stem(self, centre, radius: float) -> None:
        """A bent stem from a flower down to the edge, with a leaf."""
        draws = self.draws
        green = hsv(draws.normal(0.29, 0.03), draws.uniform(0.5, 0.8), draws.uniform(0.3, 0.6))
        foot, bend = draws.normal(centre[0], 0.25), draws.normal(0, 0.2)
        down = np.clip((self.y - centre[1]) / (1.05 - centre[1]), 0, 1)
        middle = centre[0] + (foot - centre[0]) * down + bend * down * (1 - down)
        aside = (self.x - middle) / (0.075 * radius + 0.015)
        shade = 1 - 0.35 * aside * self.light[0]
        self.paint((np.abs(aside) < 1) & (self.y > centre[1]), green, shade)
        side = draws.choice([-1, 1])
        start = draws.uniform(0.35, 0.65)
        leaf = self.ellipse(
            (
                centre[0] + (foot - centre[0]) * start + side * 0.28 * radius,
                centre[1] + (1.05 - centre[1]) * start,
            ),
            (0.12 * radius, 0.42 * radius),
            side * draws.uniform(0.6, 1.1),
        )
        self.paint(leaf < 1, green * 1.1, 1.15 - 0.4 * leaf)

    def ellipse(self, centre, radii, turn=0.0, point=0.0) -> np.ndarray:
        """Below 1 within an ellipse, pointed at its upper end, turned to the right by an angle."""
        x, y = self.x - centre[0], self.y - centre[1]
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        narrow = np.clip(1 + point * v / radii[1], 0.05, 2)
        return (u / (radii[0] * narrow)) ** 2 + (v / radii[1]) ** 2

    def petals(
        self, centre, radius, count, colour, *, tilt, turn, width=1.0, point=0.5, crease=0.3
    ):
        """A ring of petals: wider than 1 they overlap, with a small `point` they are round."""
        far, angle = self.polar(centre, tilt, turn)
        # From -1 to 1 across a petal, 0 along its middle.
        across = 2 * ((angle * count / (2 * np.pi) + 0.5) % 1 - 0.5)
        ragged = 1 + 0.05 * np.sin(angle * count * 0.5 + turn * 7)
        end = radius * ragged * (1 - np.minimum(np.abs(across) / width, 1) ** 2) ** point
        along = far / radius
        shade = 0.72 + 0.38 * along - crease * across**2
        toward = np.cos(angle + turn) * self.light[0] + np.sin(angle + turn) * self.light[1]
        self.paint(far < end, colour, shade + 0.12 * toward)

    def dome(self, centre, radius, colour, *, tilt, turn, grain=0.0) -> None:
        """The middle of a flower, lit from one side, with grains in spirals."""
        far, angle = self.polar(centre, tilt, turn)
        x, y = (self.x - centre[0]) / radius, (self.y - centre[1]) / radius
        shade = 0.95 + 0.35 * (x * self.light[0] + y * self.light[1]) - 0.25 * (far / radius) ** 2
        seeds = np.sin(13 * angle + 22 * far / radius) * np.sin(21 * angle - 22 * far / radius)
        self.paint(far < radius, colour, shade + grain * seeds)

    def developed(self, size: int) -> np.ndarray:
        """The pixels of a camera: exposed, warm or cold, darker at the corners, with some noise."""
        draws, shape = self.draws, (size, _LARGER, size, _LARGER, 3)
        towards = self.x * self.light[0] + self.y * self.light[1]
        light = 1 + draws.uniform(0, 0.25) * towards
        light -= draws.uniform(0, 0.25) * (self.x**2 + self.y**2) / 2
        warmth = 1 + draws.normal(0, 0.05) * np.array([1, 0, -1])
        pixels = self.pixels * light[..., None] * warmth * draws.uniform(0.85, 1.15)
        pixels = pixels.reshape(shape).mean(axis=(1, 3))
        pixels += draws.normal(0, draws.uniform(0.004, 0.015), pixels.shape)
        return np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8)


def hsv(hue: float, strength: float, brightness: float) -> np.ndarray:
    """A colour; a hue of 0 is red, 1/3 green, 2/3 blue."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, *np.clip([strength, brightness], 0, 1)))


def daisy(picture, centre, radius, hue, draws) -> None:
    """Many narrow petals around a yellow dome."""
    how = {"tilt": draws.uniform(0, 0.35), "turn": draws.uniform(0, 6)}
    colour = hsv(hue, draws.choice([0.05, 0.4]), draws.uniform(0.9, 1))
    picture.stem(centre, radius)
    picture.shadow(centre + 0.05, radius)
    count = int(draws.integers(11, 17))
    for part, shade in ((1, 0.85), (0.95, 1)):
        turn = {**how, "turn": how["turn"] + part * np.pi / count * 9}
        picture.petals(centre, radius * part, count, colour * shade, width=0.8, point=0.35, **turn)
    yellow = hsv(draws.normal(0.13, 0.01), 0.85, 0.95)
    picture.dome(centre, radius * draws.uniform(0.24, 0.34), yellow, grain=0.08, **how)


def poppy(picture, centre, radius, hue, draws) -> None:
    """A few broad petals that overlap, around a dark middle."""
    how = {"tilt": draws.uniform(0, 0.4), "turn": draws.uniform(0, 6)}
    # Red, orange, pink, or now and then another.
    hue = draws.choice([0.0, 0.04, 0.93, hue], p=[0.4, 0.25, 0.25, 0.1])
    colour = hsv(hue, draws.uniform(0.7, 0.95), draws.uniform(0.8, 1))
    picture.stem(centre, radius)
    picture.shadow(centre + 0.05, radius)
    count = int(draws.integers(4, 7))
    for part, shade in ((1, 0.8), (0.85, 1)):
        turn = {**how, "turn": how["turn"] + part * 9 * np.pi / count}
        options = {"width": 1.15, "point": 0.3, "crease": 0.35}
        picture.petals(centre, radius * part, count, colour * shade, **options, **turn)
    picture.dome(centre, radius * 0.3, hsv(0.8, 0.3, 0.12), grain=0.06, **how)
    picture.dome(centre, radius * 0.13, hsv(0.25, 0.5, 0.55), grain=0.1, **how)


def rose(picture, centre, radius, hue, draws) -> None:
    """Rings of round petals, one in the other."""
    how = {"tilt": draws.uniform(0, 0.25), "turn": draws.uniform(0, 6)}
    hue = draws.choice([0.97, 0.9, 0.08, 0.15, hue], p=[0.3, 0.25, 0.15, 0.15, 0.15])
    colour = hsv(hue, draws.uniform(0.35, 0.85), draws.uniform(0.75, 1))
    picture.stem(centre, radius)
    picture.shadow(centre + 0.05, radius)
    rings = int(draws.integers(5, 8))
    for ring in range(rings):
        size = radius * (1 - ring / rings) ** 0.85
        far, angle = picture.polar(centre, how["tilt"], how["turn"] + 2.4 * ring)
        wave = 1 + 0.05 * np.cos(angle * (5 if ring < rings - 3 else 3))
        inside = far / (size * wave)
        # Dark where a petal comes out from under the next, light at its rim.
        shade = 0.5 + 0.55 * np.clip(inside, 0, 1) ** 3 - 0.03 * ring
        toward = np.cos(angle + how["turn"] + 2.4 * ring) * picture.light[0]
        picture.paint(inside < 1, colour, shade + 0.1 * toward)


def sunflower(picture, centre, radius, hue, draws) -> None:
    """Two rings of pointed yellow petals around a large brown middle."""
    how = {"tilt": draws.uniform(0, 0.35), "turn": draws.uniform(0, 6)}
    colour = hsv(draws.normal(0.13, 0.015), draws.uniform(0.8, 1), draws.uniform(0.9, 1))
    picture.stem(centre, radius)
    picture.shadow(centre + 0.05, radius)
    count = int(draws.integers(14, 20))
    for part, shade in ((1, 0.8), (0.9, 1)):
        turn = {**how, "turn": how["turn"] + part * 9 * np.pi / count}
        options = {"width": 0.95, "point": 0.9, "crease": 0.4}
        picture.petals(centre, radius * part, count, colour * shade, **options, **turn)
    brown = hsv(draws.normal(0.06, 0.01), 0.7, draws.uniform(0.25, 0.4))
    picture.dome(centre, radius * draws.uniform(0.42, 0.52), brown, grain=0.2, **how)
    picture.dome(centre, radius * 0.18, brown * 0.7, grain=0.2, **how)


def tulip(picture, centre, radius, hue, draws) -> None:
    """A cup of pointed petals, seen from the side."""
    hue = draws.choice([0.98, 0.92, 0.13, 0.78, hue], p=[0.3, 0.25, 0.2, 0.15, 0.1])
    colour = hsv(hue, draws.uniform(0.55, 0.95), draws.uniform(0.75, 1))
    lean = draws.normal(0, 0.12)
    picture.stem(centre + np.array([0, 0.3 * radius]), radius)
    # Behind, at both sides, in front.
    petals = [(0.3, 0.55), (-0.3, 0.55), (-0.42, 0.8), (0.42, 0.8), (0, 1)]
    for aside, shade in petals:
        place = centre + radius * np.array([aside, -0.08 + 0.2 * abs(aside)])
        radii = 0.5 * radius, 0.95 * radius
        inside = picture.ellipse(place, radii, lean + 0.45 * aside, point=0.45)
        across = (picture.x - place[0]) / radius
        toward = 0.35 * across * picture.light[0] * 2
        picture.paint(inside < 1, colour * shade, 1.08 - 0.3 * inside + toward)


def ball(picture, centre, radius, hue, draws) -> None:
    """A shaded ball, plain or with a band, and its shadow."""
    x, y = (picture.x - centre[0]) / radius, (picture.y - centre[1]) / radius
    ground = picture.ellipse(
        centre + radius * np.array([-0.5 * picture.light[0], 0.95]), (radius, 0.25 * radius)
    )
    picture.paint(0.5 * np.clip(1.3 - ground, 0, 1), np.zeros(3))
    depth = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
    lit = np.clip(0.6 * (x * picture.light[0] + y * picture.light[1]) + 0.75 * depth, 0, 1)
    colour = hsv(hue, draws.uniform(0.5, 0.9), draws.uniform(0.6, 1))
    inside = x**2 + y**2 < 1
    picture.paint(inside, colour, 0.25 + 0.85 * lit)
    if draws.uniform() < 0.5:
        turn = draws.uniform(0, np.pi)
        band = np.abs(x * np.cos(turn) + y * np.sin(turn)) < draws.uniform(0.15, 0.35)
        other = hsv(hue + draws.uniform(0.3, 0.7), draws.choice([0.0, 0.8]), 0.95)
        picture.paint(inside & band, other, 0.25 + 0.85 * lit)
    picture.paint(0.8 * inside * lit**14, np.ones(3))


KINDS = {
    "ball": ball,
    "daisy": daisy,
    "poppy": poppy,
    "rose": rose,
    "sunflower": sunflower,
    "tulip": tulip,
}

if __name__ == "__main__":
    main()
