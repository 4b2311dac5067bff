"""ADA's transforms: the law of each, and what they make of an image together."""

import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import augment
from kgan import losses
from kgan import schedules
from kgan.augment import transforms
from kgan.augment.color import recolored

MANY = 10_000
IMAGES = np.random.default_rng(0).uniform(-1, 1, (4, 6, 9, 3))
EVERY = "bgc,cutout"
NAMES = (
    *("x_flip", "turn", "translation", "scale", "rotation", "stretch", "shift"),
    *("brightness", "contrast", "luma_flip", "hue", "saturation", "cutout"),
)


def transformed(images, p, names=EVERY, seed=0):
    chosen = augment.Scheduled(p, transforms=names)
    return chosen(tf.constant(images), seed=keras.random.SeedGenerator(seed), images_seen=0)


def numbers(seed, rows, dtype="float64"):
    """The numbers of every image: 24 of U(0, 1), then 7 of N(0, 1)."""
    seeds = keras.random.SeedGenerator(seed)
    uniform = keras.random.uniform((rows, 24), dtype=dtype, seed=seeds)
    return np.array(uniform), np.array(keras.random.normal((rows, 7), dtype=dtype, seed=seeds))


def rotation(angle):
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def mirrored(place, last):
    while not 0 <= place <= last:
        place = -place if place < 0 else 2 * last - place
    return place


def by_hand(image, uniform, normal, chances):
    """One image, one transform after the other; a pixel is followed back through them."""
    uniform, normal = iter(uniform), iter(normal)
    height, width = image.shape[:2]

    def given(name, chance=None):
        return next(uniform) < (chances[name] if chance is None else chance)

    back = []
    sign = -1 if next(uniform) < 0.5 else 1
    if given("x_flip"):
        back.append(lambda place: place * [sign, 1])
    quarters = math.floor(4 * next(uniform))
    if given("turn"):
        back.append(lambda place: rotation(quarters * math.pi / 2) @ place)
    whole = np.round([(2 * next(uniform) - 1) * side / 8 for side in (width, height)])
    if given("translation"):
        back.append(lambda place: place - whole)
    scale = 2 ** (0.2 * next(normal))
    if given("scale"):
        back.append(lambda place: place / scale)
    chance = 1 - math.sqrt(1 - chances["rotation"])
    before = math.pi * (2 * next(uniform) - 1)
    if given("rotation", chance):
        back.append(lambda place: rotation(before) @ place)
    stretch = 2 ** (0.2 * next(normal))
    if given("stretch"):
        back.append(lambda place: place * [1 / stretch, stretch])
    after = math.pi * (2 * next(uniform) - 1)
    if given("rotation", chance):
        back.append(lambda place: rotation(after) @ place)
    shift = np.array([next(normal) * side / 8 for side in (width, height)])
    if given("shift"):
        back.append(lambda place: place - shift)
    placed, middle = np.empty_like(image), np.array([(width - 1) / 2, (height - 1) / 2])
    for i, j in np.ndindex(height, width):
        place = np.array([j, i]) - middle
        # The last transform is undone first.
        for undo in reversed(back):
            place = undo(place)
        x, y = (mirrored(p, 2 * m) for p, m in zip(place + middle, middle, strict=True))
        j_0, i_0 = min(math.floor(x), width - 2), min(math.floor(y), height - 2)
        placed[i, j] = sum(
            (1 - abs(y - i_from)) * (1 - abs(x - j_from)) * image[i_from, j_from]
            for i_from in (i_0, i_0 + 1)
            for j_from in (j_0, j_0 + 1)
        )
    pixels, grey = placed, np.ones(3) / math.sqrt(3)
    brightness, contrast = 0.2 * next(normal), 2 ** (0.5 * next(normal))
    if given("brightness"):
        pixels = pixels + brightness
    if given("contrast"):
        pixels = pixels * contrast
    is_flipped = next(uniform) < 0.5
    if given("luma_flip") and is_flipped:
        pixels = pixels - 2 * (pixels @ grey)[..., None] * grey
    hue = math.pi * (2 * next(uniform) - 1)
    if given("hue"):
        along = (pixels @ grey)[..., None] * grey
        turned = math.cos(hue) * (pixels - along) + math.sin(hue) * np.cross(grey, pixels)
        pixels = along + turned
    saturation = 2 ** next(normal)
    if given("saturation"):
        along = (pixels @ grey)[..., None] * grey
        pixels = along + saturation * (pixels - along)
    middles = [next(uniform), next(uniform)]
    if given("cutout"):
        pixels = pixels.copy()
        for i, j in np.ndindex(height, width):
            places = (i + 0.5) / height, (j + 0.5) / width
            if all(abs(p - m) < 0.25 for p, m in zip(places, middles, strict=True)):
                pixels[i, j] = 0
    return pixels


@pytest.mark.parametrize(
    ("names", "p", "weights"),
    [
        (EVERY, 1.0, dict.fromkeys(NAMES, 1)),
        (
            "bgc,cutout,color=0.5,scale=0.25",
            0.6,
            {name: {"scale": 0.25}.get(name, 0.5 if name in NAMES[7:12] else 1) for name in NAMES},
        ),
    ],
)
def test_a_seed_gives_what_loops_make_of_its_numbers(names, p, weights):
    images = np.concatenate([IMAGES, -IMAGES])
    found = transformed(images, p, names, seed=4)
    chances = {name: p * weight for name, weight in weights.items()}
    for image, row, uniform, normal in zip(images, found, *numbers(4, 8), strict=True):
        np.testing.assert_allclose(row, by_hand(image, uniform, normal, chances), atol=1e-12)


@pytest.mark.parametrize("channels", [1, 3])
def test_at_probability_0_every_bit_stays(channels):
    images = IMAGES[..., :channels].astype("float32")
    np.testing.assert_array_equal(transformed(images, 0.0), images)


def test_the_law_of_every_transform():
    """By the ends of a line that is moved, and by the colours of a pixel."""
    names = ("x_flip", "turn", "translation", "scale", "rotation", "stretch", "shift")
    draws = {
        name: transforms._Draws(
            tf.zeros((MANY, 16, 24, 3), "float64"),
            keras.random.SeedGenerator(7),
            {each: tf.constant(0.75 * (each == name), "float64") for each in NAMES},
        )
        for name in NAMES
    }
    near = 5 / math.sqrt(MANY)

    def share(expected):
        return pytest.approx(expected, abs=near)

    def placed(name):
        linear, offset = transforms._placed(draws[name])
        return np.array(linear), np.array(offset)

    eye = np.eye(2)
    found = {name: placed(name) for name in names}
    # Half of three quarters are flipped; a fourth of them turned by nothing.
    flips = found["x_flip"][0]
    assert np.mean(flips[:, 0, 0] == -1) == share(0.375)
    assert np.all(np.abs(flips) == eye)
    turns = found["turn"][0]
    for quarter in range(4):
        is_so = np.all(turns == np.round(rotation(quarter * math.pi / 2)), axis=(1, 2))
        assert is_so.mean() == share(0.75 / 4 + 0.25 * (quarter == 0))
    for axis, most in ((0, 3), (1, 2)):
        moves = found["translation"][1][:, axis]
        for move in range(-most, most + 1):
            # Rounded, the outermost have half of an inner one's range.
            width = (0.5 if abs(move) == most else 1) / (2 * most)
            assert np.mean(moves == move) == share(0.75 * width + 0.25 * (move == 0))
    for name, both in (("scale", 1), ("stretch", -1)):
        logs = np.log2(found[name][0][:, [0, 1], [0, 1]])
        np.testing.assert_allclose(logs[:, 0], both * logs[:, 1], atol=1e-12)
        given = logs[logs[:, 0] != 0, 0]
        assert len(given) / MANY == share(0.75)
        assert given.mean() == pytest.approx(0, abs=0.2 * near)
        assert given.std() == pytest.approx(0.2, abs=0.2 * near)
    turned = found["rotation"][0]
    angles = np.arctan2(turned[:, 1, 0], turned[:, 0, 0])
    assert np.mean(angles != 0) == share(0.75)
    moved = angles[angles != 0] / math.pi
    # Of the sum of two angles too: the mean square of U(-1, 1).
    assert np.mean(moved**2) == pytest.approx(1 / 3, abs=near)
    assert moved.min() < -0.99
    assert moved.max() > 0.99
    for axis, side in ((0, 24), (1, 16)):
        shifts = found["shift"][1][:, axis] / side
        assert np.mean(shifts != 0) == share(0.75)
        assert shifts[shifts != 0].std() == pytest.approx(1 / 8, abs=near / 8)
        assert shifts.mean() == pytest.approx(0, abs=near / 8)
    for name in NAMES[7:12]:
        transforms._placed(draws[name])
    colors = {name: transforms._colors(draws[name]) for name in NAMES[7:12]}
    for name, part, log, deviation in (
        ("brightness", "brightness", False, 0.2),
        ("contrast", "luma", True, 0.5),
        ("saturation", "chroma", True, 1.0),
    ):
        values = np.array(colors[name][part])
        values = np.log2(values) if log else values
        assert np.mean(values != 0) == share(0.75)
        assert values[values != 0].mean() == pytest.approx(0, abs=deviation * near)
        assert values[values != 0].std() == pytest.approx(deviation, abs=deviation * near)
    assert np.mean(np.array(colors["luma_flip"]["luma"]) == -1) == share(0.375)
    hues = np.array(colors["hue"]["hue"])
    assert np.mean(hues != 0) == share(0.75)
    assert np.mean((hues[hues != 0] / math.pi) ** 2) == pytest.approx(1 / 3, abs=near)


def test_the_law_of_cutout():
    cut = np.array(transformed(np.ones((MANY, 16, 16, 1)), 0.75, "cutout"))[..., 0] == 0
    is_cut = cut.any(axis=(1, 2))
    assert np.mean(is_cut) == pytest.approx(0.75, abs=5 / math.sqrt(MANY))
    # A place is within a quarter of the side of U(0, 1): half of the time in the middle half.
    shares = cut[is_cut].mean(axis=0)
    assert shares[4:12, 4:12] == pytest.approx(np.full((8, 8), 0.25), abs=0.03)
    # At the first row for middles up to 1/4 + 1/32.
    assert shares[0, 4:12] == pytest.approx(np.full(8, 9 / 32 / 2), abs=0.03)


def test_hue_and_saturation_do_nothing_to_grey_images():
    grey = IMAGES[..., :1].astype("float32")
    np.testing.assert_allclose(transformed(grey, 1.0, "hue,saturation"), grey, rtol=1e-6)
    found = transformed(np.repeat(grey, 3, axis=-1), 0.7, seed=2)
    expected = np.repeat(transformed(grey, 0.7, seed=2), 3, axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_full_turn_of_the_hue_is_none_and_a_third_changes_red_to_green():
    red = tf.constant([[[[1.0, 0, 0]]], [[[1.0, 0, 0]]]])
    one, none = tf.ones(2), tf.zeros(2)
    hue = tf.constant([2 * math.pi, 2 * math.pi / 3])
    found = recolored(red, brightness=none, luma=one, chroma=one, hue=hue)
    np.testing.assert_allclose(found[:, 0, 0], [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_the_gradient_is_that_of_finite_differences():
    images, random = tf.constant(IMAGES), np.random.default_rng(1)
    weights, direction = (tf.constant(random.normal(size=IMAGES.shape)) for _ in range(2))
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(weights * transformed(images, 0.8))
    slope = tf.reduce_sum(direction * tape.gradient(value, images))
    # T is affine: a difference is a slope.
    ends = [tf.reduce_sum(weights * transformed(images + h * direction, 0.8)) for h in (0.5, -0.5)]
    np.testing.assert_allclose(slope, ends[0] - ends[1], rtol=1e-11)


def test_an_image_depends_on_itself_alone():
    others = IMAGES.copy()
    others[1] = 0.25
    before, after = transformed(IMAGES, 1.0), transformed(others, 1.0)
    np.testing.assert_array_equal(np.delete(before, 1, axis=0), np.delete(after, 1, axis=0))
    assert not np.array_equal(before[1], after[1])


def test_a_probability_follows_the_images_seen():
    chosen = augment.Scheduled("linear(0, 0.5, until=1000)")
    assert repr(chosen.p) == repr(schedules.Linear(0, 0.5, until=1000))
    found = [float(chosen.probability(images)) for images in (0, 500, 5000)]
    assert found == [0.0, 0.25, 0.5]
    images = tf.constant(IMAGES)
    still = chosen(images, seed=keras.random.SeedGenerator(0), images_seen=0)
    moved = chosen(images, seed=keras.random.SeedGenerator(0), images_seen=1000)
    np.testing.assert_array_equal(still, images)
    np.testing.assert_array_equal(moved, transformed(images, 0.5, chosen.transforms))


@pytest.mark.parametrize("p", [-0.1, 1.5, "linear(0, 2, until=10)", None])
def test_a_probability_out_of_range_is_refused(p):
    with pytest.raises(ValueError, match=r"p of Scheduled.* must be a finite number >= 0"):
        augment.Scheduled(p)


@pytest.mark.parametrize("names", ["", "bgd", "color=2", "hue=x", "blit,,hue", None])
def test_unknown_transforms_and_weights_are_refused(names):
    with pytest.raises(ValueError, match=r"^transforms must name some of bgc \(which are blit"):
        augment.Scheduled(0.5, transforms=names)
    with pytest.raises(ValueError, match="leaves no transform"):
        augment.Adaptive(transforms="cutout=0")


def test_colours_of_what_is_neither_grey_nor_rgb_are_refused():
    loss = losses.NonSaturating()
    augment.get_for(augment.Scheduled(0.5, transforms="blit"), (8, 8, 4), loss)
    message = (
        "The colours of Adaptive are those of grey and of RGB images. Expected: 1 or 3 channels. "
        "Received: images of the shape (8, 8, 4). Leave them out: "
        'transforms="bgc,color=0".'
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        augment.get_for("adaptive", (8, 8, 4), loss)


@pytest.mark.parametrize(
    ("names", "channels", "changes"),
    [
        ("bgc", 3, ("x_flip", "turn", "rotation", "hue")),
        ("bgc", 1, ("x_flip", "turn", "rotation")),
        ("bgc,x_flip=0,turn=0,rotation=0,hue=0", 3, ()),
        ("cutout", 3, ()),
    ],
)
def test_what_may_change_a_class_is_known(names, channels, changes):
    assert augment.Adaptive(transforms=names).class_changes(channels) == changes


def test_a_change_of_class_is_warned_of_where_there_are_classes():
    loss = losses.NonSaturating()
    message = (
        "Adaptive may make an image one of another class, by x_flip, turn, as a 6 that is turned "
        "becomes a 9, and this GAN has classes. Where side, direction or colour tell them apart, "
        'leave these out: transforms="blit,x_flip=0,turn=0".'
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        augment.get_for(augment.Adaptive(transforms="blit"), (8, 8, 1), loss, 10)
    augment.get_for("adaptive", (8, 8, 1), loss)
    augment.get_for("diffaugment", (8, 8, 1), loss, 10)


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [augment.DiffAugment(), augment.Scheduled(0.8)], ids=repr)
def test_xla_compiles_every_transform_and_its_gradient(chosen):
    seeds = keras.random.SeedGenerator(0)

    @tf.function(jit_compile=True)
    def slope(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            found = tf.reduce_sum(chosen(images, seed=seeds, images_seen=0) ** 2)
        return tape.gradient(found, images)

    assert np.isfinite(slope(tf.constant(IMAGES.astype("float32")))).all()
