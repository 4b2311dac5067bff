import json
import os
import re
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from kgan.data import Images
from kgan.data import memory
from kgan.data.epochs import epochs_of


def numbered(count, **options):
    """Images whose two pixels spell their number, which is also their label."""
    numbers = np.arange(count)
    pixels = np.stack([numbers // 256, numbers % 256], axis=-1).astype(np.uint8)
    return Images(pixels.reshape(count, 1, 2, 1), numbers, **options)


def numbers_of(images):
    pixels = np.rint((np.asarray(images) + 1.0) * 127.5).reshape(-1, 2)
    return (pixels @ [256, 1]).astype(int)


def epoch(dataset):
    batches = [batch if isinstance(batch, tuple) else (batch, None) for batch in dataset]
    return np.concatenate([numbers_of(images) for images, _ in batches])


def test_every_epoch_is_a_complete_permutation():
    dataset = numbered(600).batches(50)
    for _ in range(3):
        np.testing.assert_array_equal(np.sort(epoch(dataset)), np.arange(600))


def test_the_next_batch_is_made_while_a_step_works_on_one(monkeypatch):
    made, two_more = [], threading.Event()

    def count(indices):
        made.append(1)
        if len(made) > 2:
            two_more.set()
        return indices

    monkeypatch.setattr(
        Images,
        "_rows",
        lambda images, *how: lambda indices: tf.py_function(count, [indices], tf.int64),
    )
    iterator = iter(numbered(600).batches(50))
    next(iterator)
    assert two_more.wait(30)


def test_every_epoch_has_another_order():
    dataset = numbered(600).batches(50)
    orders = {tuple(epoch(dataset)) for _ in range(5)}
    assert len(orders) == 5


def test_any_image_can_come_first():
    # With a buffer smaller than the images the last ones could never come first. An image out of 4
    # is missed by 60 complete shuffles with probability (3/4)^60, about 3e-8.
    dataset = numbered(4).batches(1)
    first = {int(numbers_of(next(iter(dataset))[0])[0]) for _ in range(60)}
    assert first == set(range(4))


def test_equal_seeds_give_equal_orders_epoch_by_epoch():
    first, second = numbered(100).batches(10, seed=3), numbered(100).batches(10, seed=3)
    for _ in range(3):
        np.testing.assert_array_equal(epoch(first), epoch(second))


def test_the_order_of_an_epoch_depends_on_its_number_and_the_seed_alone():
    def third_order(global_seed):
        tf.random.set_seed(global_seed)
        dataset = numbered(100).batches(10, seed=3)
        epochs_of(dataset).next = 2
        return epoch(dataset)

    dataset = numbered(100).batches(10, seed=3)
    in_turn = [epoch(dataset) for _ in range(3)][2]
    np.testing.assert_array_equal(third_order(1), in_turn)
    np.testing.assert_array_equal(third_order(2), in_turn)


@pytest.mark.parametrize(("drop_remainder", "length"), [(True, 14), (False, 15)])
def test_an_epoch_is_as_long_as_the_dataset(drop_remainder, length):
    dataset = numbered(100).batches(7, drop_remainder=drop_remainder)
    assert epochs_of(dataset).length == len(dataset) == length


def test_another_seed_gives_another_order():
    first, second = numbered(100).batches(10, seed=3), numbered(100).batches(10, seed=4)
    assert (epoch(first) != epoch(second)).any()


def test_without_shuffle_the_order_is_that_of_the_store():
    dataset = numbered(100).batches(10, shuffle=False)
    for _ in range(2):
        np.testing.assert_array_equal(epoch(dataset), np.arange(100))


def test_labels_stay_with_their_images():
    for images, labels in numbered(600).batches(50):
        np.testing.assert_array_equal(numbers_of(images), labels)


def test_all_256_levels_are_scaled_to_minus_one_to_one():
    levels = np.arange(256, dtype=np.uint8)
    dataset = Images(levels.reshape(1, 16, 16, 1)).batches(1)
    scaled = next(iter(dataset)).numpy().reshape(-1)
    assert scaled.dtype == np.float32
    assert scaled[0] == -1.0
    assert scaled[255] == 1.0
    np.testing.assert_allclose(scaled, levels / 127.5 - 1.0, atol=1e-7)


def test_a_batch_holds_the_rows_of_all_discriminator_steps_in_a_static_shape():
    dataset = numbered(100).batches(8, discriminator_steps=3)
    images, labels = dataset.element_spec
    assert (images.shape, images.dtype) == ((24, 1, 2, 1), tf.float32)
    assert (labels.shape, labels.dtype) == ((24,), tf.int32)
    assert dataset.cardinality() == 100 // 24
    assert [len(labels) for _, labels in dataset] == [24] * 4


def test_a_remainder_can_be_kept():
    dataset = numbered(100).batches(24, drop_remainder=False)
    assert dataset.cardinality() == 5
    assert [len(labels) for _, labels in dataset] == [24, 24, 24, 24, 4]


def test_a_remainder_can_be_all_there_is():
    assert [len(labels) for _, labels in numbered(3).batches(24, drop_remainder=False)] == [3]


def test_labels_are_left_out_on_request_and_where_there_are_none():
    with_labels = numbered(10)
    without = Images(with_labels.images)
    for dataset in (with_labels.batches(5, labels=False), without.batches(5)):
        assert isinstance(dataset.element_spec, tf.TensorSpec)


def flips(dataset):
    """Of an epoch: for each image, in the order of their numbers, whether it is mirrored."""
    images, labels = map(np.concatenate, zip(*dataset.as_numpy_iterator(), strict=True))
    # In a mirror 257 and 0 look the same.
    is_mirrored = numbers_of(images) != labels
    images[is_mirrored] = images[is_mirrored][:, :, ::-1]
    np.testing.assert_array_equal(numbers_of(images), labels)
    return is_mirrored[np.argsort(labels)].tolist()


def test_of_each_epoch_half_of_the_images_are_mirrored_and_keep_their_labels():
    dataset = numbered(200).batches(20, flip=True)
    epochs = np.array([flips(dataset) for _ in range(5)])
    assert epochs.shape == (5, 200)
    # 995 throws of a coin lie within 0.08 of a half, but for one time in two million.
    assert abs(epochs[:, 1:].mean() - 0.5) < 0.08
    # No image is always the same way round; 5 throws agree for 1 of 16.
    assert (epochs.any(axis=0) & ~epochs.all(axis=0)).mean() > 0.8


def test_flips_depend_on_the_image_the_epoch_and_the_seed_alone():
    def third(seed, **options):
        dataset = numbered(200).batches(20, seed=seed, flip=True, **options)
        epochs_of(dataset).next = 2
        return flips(dataset)

    dataset = numbered(200).batches(20, seed=3, flip=True)
    in_turn = [flips(dataset) for _ in range(3)]
    assert third(3) == third(3, shuffle=False) == in_turn[2] != in_turn[1]
    assert third(4) != third(3)


def test_flips_leave_the_order_as_it_is():
    orders = (numbered(100).batches(10, flip=flip) for flip in (False, True))
    plain, flipped = ([labels for _, labels in dataset] for dataset in orders)
    np.testing.assert_array_equal(plain, flipped)


def test_flips_of_digits_and_letters_are_warned_of():
    digits = numbered(3, class_names=["0", "1", "2"], name="some")
    message = (
        "flip=True mirrors images of 'some', whose classes look like digits or letters (0, 1, 2): "
        "mirrored, they are others or none. Leave flip out, unless every class stays what it is."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        digits.batches(1, labels=False, flip=True)
    # Of words nothing is said; a warning would be an error.
    numbered(3, class_names=["a", "b", "cat"]).batches(1, flip=True)


def test_images_on_the_disk_feed_the_same_batches():
    in_memory = numbered(100)
    file = memory.allocate(in_memory.images.shape, memory_limit=1)
    file[...] = in_memory.images
    on_disk = Images(file, in_memory.labels)
    assert isinstance(on_disk.images, np.memmap)
    np.testing.assert_array_equal(
        epoch(on_disk.batches(10, seed=1)), epoch(in_memory.batches(10, seed=1))
    )


def test_the_pipeline_reads_the_stored_images_and_no_copy():
    images = Images(memory.allocate((10, 2, 2, 1)))
    iterator = iter(images.batches(10))
    images.images[...] = 255
    np.testing.assert_array_equal(next(iterator), np.ones((10, 2, 2, 1)))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells the memory in use.")
def test_the_pipeline_needs_no_memory_for_a_second_copy():
    def memory_in_use():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    images = np.ones((128, 1024, 1024, 1), np.uint8)
    images[0, 0, 0] = 0
    images = Images(images)
    before = memory_in_use()
    iterator = iter(images.batches(1))
    next(iterator)
    assert memory_in_use() - before < images.images.nbytes / 2


def test_an_array_is_only_copied_if_it_cannot_be_borrowed():
    fit = memory.allocate((10, 2, 2, 1))
    unfit = fit[::-1]
    assert Images(fit).images is fit
    copied = Images(unfit).images
    assert not np.shares_memory(copied, unfit)
    np.testing.assert_array_equal(copied, unfit)


def test_what_the_images_are_can_be_asked():
    images = Images(
        np.zeros((5, 4, 3, 1), np.uint8), [0, 1, 0, 1, 1], class_names=["no", "yes"], name="x"
    )
    assert len(images) == 5
    assert images.image_shape == (4, 3, 1)
    assert images.num_classes == 2
    assert images.class_names == ("no", "yes")
    assert images.labels.dtype == np.int32
    assert repr(images) == "<Images 'x': 5 of shape (4, 3, 1), 2 classes>"


def test_images_without_labels_have_no_classes():
    images = Images(np.arange(60, dtype=np.uint8).reshape(5, 4, 3, 1))
    assert (images.labels, images.num_classes, images.class_names) == (None, None, None)
    assert repr(images) == "<Images 'images': 5 of shape (4, 3, 1), no labels>"


def test_there_may_be_more_classes_than_the_labels_show():
    images = Images(
        np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1), [0, 0, 1], num_classes=np.int64(10)
    )
    assert images.num_classes == 10
    # Python's, as JSON takes it.
    assert type(images.num_classes) is int


@pytest.mark.parametrize("argument", ["batch_size", "discriminator_steps"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "8"])
def test_sizes_must_be_positive_integers(argument, value):
    arguments = {"batch_size": 1, "discriminator_steps": 1, argument: value}
    message = f"{argument} must be a positive integer. Received: {argument}={value!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        numbered(10).batches(**arguments)


@pytest.mark.parametrize("seed", [None, True, 0.5, "0", 2**63, -(2**63) - 1])
def test_a_seed_is_an_integer_that_tensorflow_takes(seed):
    message = f"seed must be an integer of at most 64 bits. Received: seed={seed!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        numbered(10).batches(2, seed=seed)


def test_integers_of_numpy_are_those_of_python():
    one, two = np.int64(1), np.int32(2)
    batches = numbered(10).batches(two, discriminator_steps=two, seed=one)
    plain = numbered(10).batches(2, discriminator_steps=2, seed=1)
    # A backup keeps it as JSON.
    described = [json.dumps(epochs_of(each).describe()) for each in (batches, plain)]
    assert described[0] == described[1]
    np.testing.assert_array_equal(epoch(batches), epoch(plain))


def test_images_of_one_value_are_warned_of():
    told = "All pixels of 'black' have one value, 3: there is nothing to learn. Look at the images"
    with pytest.warns(UserWarning, match=re.escape(told)):
        Images(np.full((2, 4, 4, 1), 3, np.uint8), name="black")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numbered(2)


@pytest.mark.parametrize("name", ["caf\udce9", "a\x1b[31mb", "two\nlines"])
def test_names_of_classes_that_cannot_be_written(name):
    told = f"UTF-8 without control characters. Received: {name!a}. Rename the class"
    with pytest.raises(ValueError, match=re.escape(told)):
        Images(numbered(2).images, [0, 0], class_names=[name])
    Images(numbered(2).images, [0, 0], class_names=["猫\u3000\u200c🐈"])


@pytest.mark.parametrize(
    ("steps", "remedy", "accepted"),
    [
        (3, "a batch_size of 3 or less.", (3, 3)),
        (12, "a batch_size of 1 or less, with discriminator_steps of 10 or less.", (1, 10)),
    ],
)
def test_too_few_images_for_one_batch(steps, remedy, accepted):
    images = numbered(10, name="letters")
    with pytest.raises(ValueError, match="too few") as error:
        images.batches(4, discriminator_steps=steps)
    assert str(error.value) == (
        "'letters' has 10 images, too few for one batch. Expected: at least discriminator_steps * "
        f"batch_size = {steps} * 4 = {steps * 4}. Choose {remedy}"
    )
    # What it says to choose.
    images.batches(accepted[0], discriminator_steps=accepted[1])


@pytest.mark.parametrize(
    ("images", "received"),
    [
        (np.zeros((5, 4, 3), np.uint8), "dtype uint8, shape (5, 4, 3)"),
        (np.zeros((5, 4, 3, 1), np.float32), "dtype float32, shape (5, 4, 3, 1)"),
    ],
)
def test_only_stored_images_are_taken(images, received):
    with pytest.raises(ValueError, match="Images holds") as error:
        Images(images)
    assert str(error.value) == (
        "Images holds uint8 arrays of shape (count, height, width, channels). "
        f"Received: {received}. Convert other arrays with kgan.data.from_arrays."
    )


def test_no_images():
    message = "There are no images. Received: an array of shape (0, 4, 4, 1)."
    with pytest.raises(ValueError, match=re.escape(message)):
        Images(np.zeros((0, 4, 4, 1), np.uint8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"num_classes": 3},
            "num_classes=3 without labels has no meaning. Pass labels as well, or leave "
            "num_classes out.",
        ),
        (
            {"labels": [0, 1], "num_classes": 0},
            "num_classes must be a positive integer. Received: num_classes=0.",
        ),
        (
            {"labels": [0, 1], "class_names": ["a", "b", "c"]},
            "class_names must name each of the classes. Expected: 2 names. Received: 3.",
        ),
        (
            {"class_names": ["a", "b", "c"]},
            "class_names must name each of the classes. Expected: 0 names. Received: 3.",
        ),
        ({"labels": [0]}, "Labels must have the shape (2,). Received: (1,)."),
        ({"labels": [[0, 0], [1, 1]]}, "Labels must have the shape (2,). Received: (2, 2)."),
        ({"labels": [0.0, 1.0]}, "Labels must be integers. Received: dtype float64."),
        ({"labels": [0, -1]}, "Labels must lie in 0..0, since num_classes=1. Received: -1."),
        ({"labels": [-2, -1]}, "Labels must lie in 0..0, since num_classes=1. Received: -2."),
        (
            {"labels": [0, 3], "num_classes": 3},
            "Labels must lie in 0..2, since num_classes=3. Received: 3.",
        ),
    ],
)
def test_labels_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Images(np.arange(32, dtype=np.uint8).reshape(2, 4, 4, 1), **options)
