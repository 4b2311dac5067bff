"""What `fit` keeps of the data it looks at."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import models
from kgan.backend import replicas
from kgan.data.epochs import epochs_of
from kgan.gan import inspection

SHAPE = (8, 8, 1)
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(-1, 1, (100, *SHAPE)).astype("float32")
LABELS = RANDOM.integers(3, size=100)


def make_gan(num_classes=None):
    gan = kgan.GAN(
        models.small_mlp_generator(SHAPE, 2, width=2, num_classes=num_classes),
        models.small_mlp_discriminator(SHAPE, width=2, num_classes=num_classes),
        latent_dim=2,
        num_classes=num_classes,
    )
    gan.compile("sgd", "sgd", run_eagerly=True)
    return gan


@pytest.mark.parametrize(("batch", "kept"), [(100, 64), (20, 20)])
def test_fit_keeps_the_first_images_of_its_data(batch, kept):
    gan = make_gan()
    assert gan.reference_images is None
    gan.fit(tf.data.Dataset.from_tensor_slices(IMAGES).batch(batch), verbose=0)
    np.testing.assert_array_equal(gan.reference_images, IMAGES[:kept])
    assert gan.reference_labels is None


def test_fit_keeps_their_labels():
    gan = make_gan(num_classes=3)
    gan.fit(IMAGES, LABELS, batch_size=50, verbose=0)
    np.testing.assert_array_equal(gan.reference_images, IMAGES[:50])
    np.testing.assert_array_equal(gan.reference_labels, LABELS[:50])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_kept_is_float32_and_a_copy(dtype):
    gan, images = make_gan(), IMAGES.astype(dtype)
    gan.fit(images, batch_size=100, verbose=0)
    assert gan.reference_images.dtype == np.float32
    first = gan.reference_images[0].copy()
    images[:] = 0
    np.testing.assert_array_equal(gan.reference_images[0], first)


def test_evaluate_keeps_nothing_and_the_next_fit_anew():
    gan = make_gan()
    gan.evaluate(IMAGES, verbose=0)
    assert gan.reference_images is None
    gan.fit(IMAGES[:8], batch_size=8, verbose=0)
    gan.fit(IMAGES[8:16], batch_size=8, verbose=0, validation_data=IMAGES[16:24])
    np.testing.assert_array_equal(gan.reference_images, IMAGES[8:16])


def test_neither_a_look_nor_an_evaluation_counts_as_an_epoch_of_the_data():
    gan = make_gan()
    batches = kgan.data.from_arrays(IMAGES).batches(50)
    first = gan.evaluate(batches, verbose=0)
    assert gan.evaluate(batches, verbose=0) == first
    assert epochs_of(batches).next == 0
    gan.fit(batches, verbose=0)
    assert epochs_of(batches).next == 1


class Batches(keras.utils.PyDataset):
    """Batches of two rows.

    Args:
        images: array.
    """

    def __init__(self, images):
        super().__init__()
        # Its own affair, which makes it no array.
        self.images, self.shape, self.dtype = images, images.shape, images.dtype

    def __len__(self):
        return len(self.images) // 2

    def __getitem__(self, index):
        return self.images[2 * index : 2 * index + 2]


def of_unknown_rank(images):
    """A dataset that tells TensorFlow nothing of its shapes."""
    as_they_are = lambda image: tf.numpy_function(lambda x: x, [image], tf.float32)  # noqa: E731
    return tf.data.Dataset.from_tensor_slices(images).map(as_they_are).batch(2)


def spoilt_after_kgan(images):
    """Batches of kgan.data, to which something is done afterwards."""
    found = lambda x: tf.where(tf.reduce_any(x < -0.9), np.nan, 1.0) * x  # noqa: E731
    sound = np.where(np.isfinite(images), images, -1)
    return kgan.data.from_arrays(sound).batches(2, shuffle=False).map(found)


STREAMS = {
    "dataset": lambda images: tf.data.Dataset.from_tensor_slices(images).batch(2),
    "unknown rank": of_unknown_rank,
    "generator": lambda images: (images[row : row + 2] for row in range(0, len(images), 2)),
    "PyDataset": Batches,
    "after kgan.data": spoilt_after_kgan,
}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_later_batch_is_refused_by_its_number_before_its_step(stream):
    images = IMAGES[:8] / 2
    images[5] = np.nan
    told = "In batch 2 of the data, counted from 0: The images hold NaN or infinity, first in row "
    gan = make_gan()
    with pytest.raises(ValueError, match=told):
        gan.fit(STREAMS[stream](images), shuffle=False, verbose=0)
    assert int(gan.images_seen.numpy()) == 4
    gan.fit(STREAMS[stream](images[:4]), verbose=0)
    assert int(gan.images_seen.numpy()) == 8


def test_a_later_batch_of_another_shape_is_refused():
    batches = [IMAGES[:2], IMAGES[:2, :, :7]]
    told = r"In batch 1 of the data, counted from 0: The images do not fit .* \(2, 8, 7, 1\)"
    with pytest.raises(ValueError, match=told):
        make_gan().fit(iter_of(batches), verbose=0)


def iter_of(batches):
    yield from batches


def test_a_later_batch_of_held_out_images_is_refused():
    held_out = STREAMS["dataset"](np.concatenate([IMAGES[:4], 50 * IMAGES[:2]]))
    told = "In batch 2 of {}, counted from 0: Images must lie in"
    with pytest.raises(ValueError, match=told.format("the data")):
        make_gan().evaluate(held_out, verbose=0)
    with pytest.raises(ValueError, match=told.format("validation_data")):
        make_gan().fit(IMAGES[:2], validation_data=held_out, verbose=0)


def test_data_of_unknown_rank_come_to_a_step_with_their_shapes():
    seen = []

    class Watched(kgan.GAN):
        def train_step(self, data):
            seen.append(tuple(data.shape))
            return {}

    gan = Watched(make_gan().generator, make_gan().discriminator, 2)
    gan.compile("sgd", "sgd")
    gan.fit(of_unknown_rank(IMAGES[:4]), verbose=0)
    assert seen == [(None, *SHAPE)]


class ArrayLike:
    """What NumPy can read, as a table of pandas is.

    Args:
        values: array.
    """

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


class FileLike:
    """What NumPy reads by its slices, as a data set in a file is.

    Args:
        values: array.
    """

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype

    def __len__(self):
        return len(self.values)

    def __getitem__(self, key):
        return self.values[key]


@pytest.mark.parametrize("kind", [ArrayLike, FileLike])
def test_what_is_like_an_array_is_shuffled_and_looked_at(kind):
    seen = []

    class Watched(kgan.GAN):
        def train_step(self, data):
            seen.extend(np.ravel(data)[::64].tolist())
            return {}

    gan = Watched(make_gan().generator, make_gan().discriminator, 2)
    gan.compile("sgd", "sgd", run_eagerly=True)
    gan.fit(kind(IMAGES), batch_size=50, verbose=0)
    first = IMAGES[:, 0, 0, 0].tolist()
    assert sorted(seen) == sorted(first)
    assert seen != first
    with pytest.raises(ValueError, match="The images hold NaN or infinity, first in row 70"):
        gan.fit(kind(np.where(np.arange(100)[:, None, None, None] < 70, IMAGES, np.nan)))


COUNTS = ["batch_size", "steps_per_epoch", "validation_steps", "validation_batch_size"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *((name, value, "a positive integer") for name in COUNTS for value in (0, -4, 1.5)),
        *(("validation_freq", value, "a positive integer") for value in (0, None, "1")),
        *((name, -1, "an integer from 0 on") for name in ("epochs", "initial_epoch")),
        *(
            ("validation_split", value, "a finite number >= 0 and < 1")
            for value in (-0.1, 1.0, 1.5, "half")
        ),
    ],
)
def test_a_number_that_keras_would_pass_over_or_fail_at_later_is_refused(name, value, expected):
    gan, told = make_gan(), f"{name} must be {expected}. Received: {name}={value!r}."
    data = {} if name == "validation_split" else {"validation_data": IMAGES}
    with pytest.raises(ValueError, match=re.escape(told)):
        gan.fit(IMAGES, verbose=0, **data, **{name: value})
    assert int(gan.images_seen.numpy()) == 0


def test_an_evaluation_takes_a_step_at_least():
    with pytest.raises(ValueError, match="steps must be a positive integer"):
        make_gan().evaluate(IMAGES, steps=0, verbose=0)


def test_numbers_of_numpy_and_lists_of_epochs_are_taken_as_keras_takes_them():
    numbers = inspection.check_numbers(
        epochs=np.int64(0), steps_per_epoch=None, validation_freq=(np.int32(1), 3)
    )
    assert numbers == [0, None, [1, 3]]
    assert [type(number) for number in numbers] == [int, type(None), list]
    assert inspection.check_numbers(validation_split=np.float32(0.5)) == [0.5]
    assert inspection.check_numbers(validation_split=None, validation_freq=np.int64(2)) == [0, 2]


def test_data_without_end_are_refused_unless_it_is_said_how_many_batches_to_take():
    gan, endless = make_gan(), tf.data.Dataset.from_tensors(IMAGES[:4]).repeat()
    told = r"Pass {}=, or leave out \.repeat\(\)"
    with pytest.raises(ValueError, match=told.format("steps_per_epoch")):
        gan.fit(endless)
    for data in (endless, (endless,)):
        with pytest.raises(ValueError, match=told.format("validation_steps")):
            gan.fit(IMAGES[:4], validation_data=data)
    with pytest.raises(ValueError, match=told.format("steps")):
        gan.evaluate(endless)
    assert int(gan.images_seen.numpy()) == 0
    gan.fit(endless, steps_per_epoch=1, validation_data=endless, validation_steps=1, verbose=0)
    gan.evaluate(endless, steps=1, verbose=0)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_generator_at_its_end_trains_on_nothing_more():
    gan = make_gan()
    gan.fit(iter_of([IMAGES[:2], IMAGES[2:6]]), epochs=3, verbose=0)
    assert int(gan.images_seen.numpy()) == 6


def test_what_is_kept_is_not_saved(tmp_path):
    gan = make_gan()
    gan.fit(IMAGES, batch_size=50, verbose=0)
    gan.save(tmp_path / "gan.keras")
    assert keras.saving.load_model(tmp_path / "gan.keras").reference_images is None


def two_workers(monkeypatch, *, answer):
    """Let there seem to be another worker; returns what the two are asked to compare."""
    asked = []
    monkeypatch.setattr(replicas, "worker", lambda gan: (0, 2))
    monkeypatch.setattr(
        replicas, "same_everywhere", lambda gan, numbers: asked.append(numbers) or answer
    )
    return asked


def test_workers_compare_their_first_batches(monkeypatch):
    asked = two_workers(monkeypatch, answer=True)
    for images in (IMAGES, IMAGES, IMAGES[::-1].copy()):
        make_gan().fit(images, batch_size=50, shuffle=False, verbose=0)
    first, again, other = asked
    assert first == again != other
    assert all(-(2**63) <= number < 2**63 for number in first + other)


def test_workers_with_other_data_are_refused(monkeypatch):
    two_workers(monkeypatch, answer=False)
    gan, data = make_gan(), tf.data.Dataset.from_tensor_slices(IMAGES).batch(50)
    with pytest.raises(ValueError, match="their first batches differ"):
        gan.fit(data, verbose=0)
    assert int(gan.images_seen.numpy()) == 0


def test_arrays_that_every_worker_would_shuffle_are_refused(monkeypatch):
    two_workers(monkeypatch, answer=True)
    with pytest.raises(ValueError, match="Keras would shuffle arrays in another order on each"):
        make_gan().fit(IMAGES, batch_size=50, verbose=0)


def test_replicas_need_batches_that_are_all_full(monkeypatch):
    told = (
        "2 replicas train on equal parts of a batch, and the last batch of these data may be too "
        "short for that. Batch a dataset with .batch(n, drop_remainder=True), as kgan.data does; "
        "make a generator or a PyDataset one with tf.data.Dataset.from_generator and an "
        "output_signature whose shapes begin with n; of arrays, batch_size must divide the number "
        "of rows, and validation_data take the place of a validation_split."
    )
    gan = make_gan()
    # There seems to be another one.
    monkeypatch.setattr(replicas, "num_replicas_of", lambda gan: 2)
    for rows, split in ((100, 0.0), (96, 0.5)):
        with pytest.raises(ValueError, match=re.escape(told)):
            gan.fit(IMAGES[:rows], batch_size=8, validation_split=split, verbose=0)
    gan.fit(IMAGES[:96], batch_size=8, verbose=0)
