"""Augmentations by name, config or as they are."""

import re

import keras
import pytest

from kgan import augment
from kgan import losses

SHAPE, LOSS = (8, 8, 3), losses.NonSaturating()
EVERY = [augment.DiffAugment("color,cutout")]


@pytest.mark.parametrize("one", EVERY, ids=repr)
def test_a_config_makes_the_same_again(one):
    again = augment.deserialize(augment.serialize(one))
    assert (type(again), again.get_config()) == (type(one), one.get_config())
    assert augment.get(augment.serialize(one)).get_config() == one.get_config()
    assert repr(augment.get(repr(one))) == repr(one)


def test_names_classes_and_objects_stand_for_augmentations():
    for name in ("diffaugment", "DiffAugment", "diff_augment", augment.DiffAugment):
        assert augment.get(name).get_config() == {"policy": "color,translation,cutout"}
    assert augment.get(EVERY[0]) is EVERY[0]


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
