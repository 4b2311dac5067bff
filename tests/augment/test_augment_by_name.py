"""Augmentations by name, config or as they are."""

import re

import keras
import pytest

from kgan import augment
from kgan import losses
from kgan import schedules

SHAPE, LOSS = (8, 8, 3), losses.NonSaturating()
EVERY = [
    augment.DiffAugment("color,cutout"),
    augment.Adaptive(0.5, speed=1000, transforms="blit"),
    augment.Scheduled(0.25),
    augment.Scheduled(schedules.Cosine(0.0, 0.5, until=100), transforms="bgc"),
]


@pytest.mark.parametrize("one", EVERY, ids=repr)
def test_a_config_makes_the_same_again(one):
    config = augment.serialize(one)
    for again in (augment.deserialize(config), augment.get(config)):
        assert (type(again), repr(again)) == (type(one), repr(one))
        assert augment.serialize(again) == config


def test_names_classes_and_objects_stand_for_augmentations():
    for name in ("diffaugment", "DiffAugment", "diff_augment", augment.DiffAugment):
        assert augment.get(name).get_config() == {"policy": "color,translation,cutout"}
    assert augment.get(EVERY[0]) is EVERY[0]
    assert type(augment.get("ada")) is type(augment.get(augment.Adaptive)) is augment.Adaptive
    followed = augment.get("scheduled(p='cosine(0, 0.5, until=100)', transforms=bgc)")
    assert repr(followed) == repr(EVERY[-1])


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("mixup", "Unknown augmentation. Expected a kgan.augment.Augmentation, its class, its"),
        (keras.layers.RandomFlip(), "Keras' preprocessing layers change the data alone"),
        ("diffaugment=shear", "policy of DiffAugment must name some of color, translation, cutout"),
    ],
)
def test_what_is_no_augmentation_is_refused(identifier, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        augment.get(identifier)


@pytest.mark.parametrize("one", EVERY, ids=repr)
@pytest.mark.parametrize("shape", [(2,), (None, 8, 3), (8, 8)])
def test_what_are_no_images_is_refused(one, shape):
    message = (
        f"{type(one).__name__} moves and colours images. Expected: a generator of images of the "
        f"fixed shape (height, width, channels). Received: samples of the shape {shape}. Leave out "
        "augment=, or write a kgan.augment.Augmentation for such samples."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        augment.get_for(one, shape, LOSS)


def test_images_that_are_too_small_are_refused():
    message = (
        "DiffAugment moves images by parts of their sides. Expected: at least 4 pixels a side. "
        "Received: images of the shape (8, 3, 1). Leave out augment=."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        augment.get_for("diffaugment", (8, 3, 1), LOSS)
    assert augment.get_for(None, (8, 3, 1), LOSS) is None


def test_every_gan_gets_a_copy():
    assert augment.get_for(EVERY[0], SHAPE, LOSS) is not EVERY[0]
