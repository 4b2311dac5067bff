"""Every message says what is wrong, what was expected, what was received, and the remedy."""

import functools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import models
from kgan.gan import checks
from kgan.gan import inspection

SHAPE = (8, 8, 1)
IMAGES = np.linspace(-1, 1, 6 * 64).reshape(6, *SHAPE).astype("float32")
LABELS = np.array([0, 1, 2, 3, 0, 1], "int32")


def gan(num_classes=None, generator=None, discriminator=None, compiled=True):
    result = kgan.GAN(
        generator or models.small_mlp_generator(SHAPE, 3, width=4, num_classes=num_classes),
        discriminator or models.small_mlp_discriminator(SHAPE, width=4, num_classes=num_classes),
        latent_dim=3,
        num_classes=num_classes,
    )
    if compiled:
        result.compile("adam", "adam", discriminator_steps=2, run_eagerly=True)
    return result


@functools.cache
def untrained_gan(num_classes=None):
    """A GAN for data that are refused, which leave it as it is."""
    return gan(num_classes=num_classes)


def refuses(message):
    return pytest.raises(ValueError, match="(?s)" + re.escape(message))


def fit(model, images, labels=None, batch=4):
    parts = images if labels is None else (images, labels)
    weights = [np.array(weight) for weight in model.weights]
    try:
        model.fit(tf.data.Dataset.from_tensor_slices(parts).batch(batch), verbose=0)
    except ValueError:
        # Bad input never loses work: not a single weight has moved.
        for before, weight in zip(weights, model.weights, strict=True):
            np.testing.assert_array_equal(before, weight)
        raise


@pytest.mark.parametrize("k", [0, -2, 1.5, True])
def test_discriminator_steps_must_be_a_positive_integer(k):
    with refuses(
        f"discriminator_steps must be a positive integer. Received: discriminator_steps={k}"
    ):
        gan(compiled=False).compile("adam", "adam", discriminator_steps=k)


def test_an_unknown_loss_is_refused_by_compile():
    with refuses("Unknown GAN loss."):
        gan(compiled=False).compile("adam", "adam", loss="binary_crossentropy")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            IMAGES[:, :6],
            "The images do not fit the generator. Expected: (batch, 8, 8, 1), as the generator "
            "makes them. Received: (4, 6, 8, 1). Resize the images",
        ),
        (IMAGES[..., 0], "Received: (4, 8, 8). Resize the images"),
        (
            (127.5 * (IMAGES + 1)).astype("uint8"),
            "Images must be floats in [-1, 1]. Received: dtype uint8. Scale them with",
        ),
        (
            127.5 * (IMAGES + 1),
            "Images must lie in [-1, 1]. Received: values from 0 to 169.778. Scale them with",
        ),
    ],
)
def test_images_of_a_wrong_shape_dtype_or_range_are_refused_before_the_first_step(images, message):
    with refuses(message):
        fit(untrained_gan(), images)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_their_row(value):
    images = IMAGES.copy()
    images[2, 3, 4] = value
    with refuses("The images hold NaN or infinity, first in row 2 of the first batch."):
        fit(untrained_gan(), images)


def test_images_from_zero_to_one_are_warned_of():
    message = re.escape("No value of the first batch is negative")
    with pytest.warns(UserWarning, match=message) as caught:
        fit(gan(), (IMAGES + 1) / 2)
    # The warning points at the call of fit.
    assert [w.filename for w in caught if w.category is UserWarning] == [__file__]


def test_a_generator_of_zero_to_one_is_named_with_such_data(recwarn):
    end = keras.layers.Dense(64, "sigmoid")
    generator = keras.Sequential([keras.Input((3,)), end, keras.layers.Reshape((8, 8, 1))])
    model = gan(generator=generator)
    checks.warn_of_one_side((IMAGES + 1) / 2, model)
    told = str(recwarn.pop(UserWarning).message)
    assert "makes [0, 1] only. End it in tanh in place of sigmoid, and scale the data" in told


def test_samples_that_are_no_images_may_have_any_range():
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model = gan(generator=generator, discriminator=discriminator)
    fit(model, np.arange(16, dtype="float32").reshape(8, 2))
    assert int(model.images_seen) == 8


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_an_empty_dataset_is_refused(method):
    empty = tf.data.Dataset.from_tensor_slices(IMAGES).batch(100, drop_remainder=True)
    with refuses("The dataset is empty: it yields no batch at all."):
        getattr(untrained_gan(), method)(empty, verbose=0)
    with refuses("The dataset is empty: it yields no batch at all."):
        getattr(untrained_gan(), method)(IMAGES[:0], verbose=0)


def test_a_batch_that_k_does_not_divide_is_refused_with_the_batch_to_write():
    with refuses(
        "A batch of 5 images cannot be split into discriminator_steps=2 equal minibatches: each "
        "of the k discriminator updates of one training step needs its own real images. Batch "
        "the dataset with .batch(2 * 5, drop_remainder=True) or .batch(2 * 2, "
        "drop_remainder=True), or fit arrays with such a batch_size. In kgan.data batch_size is "
        "the last factor alone."
    ):
        fit(untrained_gan(), IMAGES, batch=5)


@pytest.mark.parametrize(
    ("rows", "k", "replicas", "sizes"),
    [
        (64, 5, 1, ["64", "12"]),
        (64, 5, 8, ["64", "8"]),
        (320, 5, 3, ["63"]),
        (3, 1, 2, ["2"]),
        (2, 3, 4, ["4"]),
    ],
)
def test_the_batches_to_write_keep_an_update_or_the_rows_and_are_accepted(rows, k, replicas, sizes):
    with pytest.raises(ValueError, match="cannot be split") as error:
        checks.check_rows(rows, k, replicas)
    found = re.findall(r"\.batch\((\d+) \* (\d+), drop_remainder=True\)", str(error.value))
    assert found == [(str(k), size) for size in sizes]
    for of_all, size in found:
        checks.check_rows(int(of_all) * int(size), k, replicas)


def test_a_batch_that_replicas_cannot_share_is_refused():
    with refuses("equal minibatches for 2 replicas, which have equal parts of each: each of the"):
        checks.check_rows(6, 2, 2)
    checks.check_rows(4, 2, 2)


@pytest.mark.parametrize("call", ["fit", "evaluate"])
@pytest.mark.parametrize("data", [[IMAGES], (IMAGES, LABELS)])
def test_arrays_in_a_list_or_a_tuple_are_refused(call, data):
    with refuses(
        "The data must be one array of images, or a tf.data.Dataset. Received: a "
        f"{type(data).__name__} of {len(data)}. Pass images and labels one after the other, "
        "fit(images, labels), images without labels as fit(images), and many arrays of images as "
        "one, numpy.concatenate(arrays)."
    ):
        getattr(untrained_gan(), call)(data, verbose=0)


def test_a_batch_within_a_batch_is_refused():
    for nested in ((IMAGES, LABELS), {"image": IMAGES}):
        with refuses(
            f"A batch must be (images, labels). Received: a {type(nested).__name__} in place of "
            "the images. Yield images and labels side by side: yield images, labels."
        ):
            fit(untrained_gan(4), (nested,))


@pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"), reason="needs Keras' MultiOptimizer"
)
def test_an_optimizer_of_several_rates_is_refused():
    adam = keras.optimizers.Adam()
    for one in ("adam", adam, keras.optimizers.LossScaleOptimizer(adam)):
        kgan.GANOptimizer(one, "adam")
    multi = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(adam))
    with refuses(
        "d_optimizer is a MultiOptimizer, which has several learning rates; callbacks and the "
        "ratio of the two players need one. Expected: one keras.optimizers.Optimizer per player. "
        "Pass for example keras.optimizers.Adam(2e-4, beta_1=0.5)."
    ):
        gan(compiled=False).compile(multi, "adam")


def test_missing_labels_are_refused():
    with refuses(
        "Labels are missing. A GAN with num_classes=4 trains on batches of (images, labels). "
        "Received: images only."
    ):
        fit(untrained_gan(4), IMAGES)


def test_unexpected_labels_are_refused():
    with refuses("Unexpected labels. A GAN without num_classes trains on batches of images."):
        fit(untrained_gan(), IMAGES, LABELS)


def test_dicts_and_further_parts_are_refused():
    with refuses("A batch must be images. Received: a dict with the keys ['image', 'label']."):
        fit(untrained_gan(), {"image": IMAGES, "label": LABELS})
    with refuses("A batch must be (images, labels). Received: 3 parts."):
        fit(untrained_gan(4), (IMAGES, LABELS, LABELS))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS + 1, "Labels must lie in 0..3, since num_classes=4. Received: 4."),
        (LABELS - 1, "Labels must lie in 0..3, since num_classes=4. Received: -1."),
        (LABELS.astype("float32"), "Labels must be integers. Received: dtype float32."),
        (
            np.repeat(LABELS[:, None], 2, axis=1),
            "Labels must have the shape (4,). Received: (4, 2). Give one class number per image: "
            "take labels[:, 0] of a column, numpy.argmax(labels, axis=-1) of one-hot labels.",
        ),
        (np.eye(4)[LABELS], "numpy.argmax(labels, axis=-1) of one-hot labels."),
        (LABELS.astype(str), "Number names with numpy.unique(labels, return_inverse=True)[1]."),
    ],
)
def test_wrong_labels_are_refused(labels, message):
    with refuses(message):
        fit(untrained_gan(4), IMAGES, labels)


def test_a_column_of_labels_is_taken_as_keras_datasets_have_it():
    model, column = untrained_gan(4), LABELS[:, None].astype("uint8")
    _, _, labels, _ = inspection._look(model, IMAGES, column, batch_size=2)
    np.testing.assert_array_equal(labels, LABELS)
    _, labels = inspection.look_at_one_batch(model, "train_on_batch", IMAGES, column)
    np.testing.assert_array_equal(labels, LABELS)
    kwargs = {"seed": 0, "labels": column}
    images = model.generate(6, **kwargs)
    np.testing.assert_array_equal(images, model.generate(6, **kwargs | {"labels": LABELS}))


def test_colour_for_a_grey_gan_is_to_be_converted():
    with refuses("Received: (6, 8, 8, 3). Convert the images (channels=1 in kgan.data), or"):
        checks.check_batch(IMAGES.repeat(3, axis=-1), untrained_gan())


def test_samples_that_are_no_images_are_exported_by_keras():
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model = gan(generator=generator, discriminator=discriminator, compiled=False)
    with refuses("Use Keras' own export: gan.sampling_generator().export(path)."):
        model.export("never_written")


def with_row_5(value, of=IMAGES):
    changed = of.copy()
    changed[5] = value
    return changed


@pytest.mark.parametrize("call", ["fit", "evaluate"])
@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (with_row_5(np.nan), LABELS, "The images hold NaN or infinity, first in row 5. Remove"),
        (with_row_5(50), LABELS, "Images must lie in [-1, 1]. Received: values from -1 to 50."),
        (IMAGES, with_row_5(-1, LABELS), "Labels must lie in 0..3, since num_classes=4. Received"),
        (IMAGES, LABELS[:5], "Labels must have the shape (6,). Received: (5,)."),
        (np.array([*IMAGES, "x"], object)[:6], LABELS, "Received: dtype object. Make them one"),
        (np.array(["a", "b"]), LABELS, "Make them one array of numbers, pictures of one size"),
        (tf.ragged.constant([[0.0], []]), LABELS, "images of one size. Received: a RaggedTensor."),
    ],
)
def test_all_of_an_array_is_checked_before_the_first_step(call, images, labels, message):
    with refuses(message):
        getattr(untrained_gan(4), call)(images, labels, batch_size=2, verbose=0)


@pytest.mark.parametrize("call", ["train_on_batch", "test_on_batch"])
def test_a_single_batch_is_checked_like_those_of_fit(call):
    with refuses("Images must lie in [-1, 1]. Received: values from -1 to 50."):
        getattr(untrained_gan(4), call)(with_row_5(50), LABELS)
    with refuses("Labels must lie in 0..3, since num_classes=4. Received: -1."):
        getattr(untrained_gan(4), call)(IMAGES, LABELS - 1)
    with refuses("sample_weight has no meaning for a GAN"):
        getattr(untrained_gan(4), call)(IMAGES, LABELS, sample_weight=np.ones(6))


@pytest.mark.parametrize("scale", [1.0005, 1.002, 50, np.nan, np.inf])
@pytest.mark.parametrize("labels", [LABELS, with_row_5(-1, LABELS), LABELS + np.int64(2**32)])
def test_the_graph_lets_nothing_pass_that_the_host_refuses(scale, labels):
    batch = (scale * IMAGES, labels)
    try:
        checks.check_batch(batch, untrained_gan(4))
        refused = False
    except ValueError:
        refused = True
    assert bool(checks.is_sound(tuple(map(tf.constant, batch)), untrained_gan(4))) is not refused


def test_a_generator_is_looked_into_and_loses_nothing():
    def batches(scale):
        for _ in range(3):
            yield (scale * IMAGES[:4],)

    model = gan()
    with refuses("Images must lie in [-1, 1]."):
        model.fit(batches(200.0), verbose=0)
    model.fit(batches(1.0), verbose=0)
    # Bare arrays too, which Keras takes from no generator.
    model.fit((images for (images,) in batches(1.0)), verbose=0)
    assert int(model.images_seen) == 24


def test_a_single_batch_of_integers_is_refused_too():
    with refuses("Images must be floats in [-1, 1]. Received: dtype uint8."):
        untrained_gan().train_on_batch(np.zeros((4, *SHAPE), "uint8"))


def test_no_data_are_refused():
    with refuses("There are no data. Expected: a tf.data.Dataset or an array of images."):
        untrained_gan().fit()


@pytest.mark.parametrize(
    ("call", "weight"),
    [("fit", "sample_weight"), ("fit", "class_weight"), ("evaluate", "sample_weight")],
)
def test_weights_are_refused(call, weight):
    with refuses(
        f"{weight} has no meaning for a GAN, which minimises no loss per label. Expected: {weight}="
        "None. Received: a ndarray. Leave it out; repeat or drop samples of the data to make some "
        "count more."
    ):
        getattr(gan(num_classes=4), call)(IMAGES, LABELS, **{weight: np.ones(6)}, verbose=0)


def test_a_batch_with_weights_is_refused():
    with refuses("A batch must be (images, labels). Received: 3 parts. Sample weights"):
        fit(gan(num_classes=4), (IMAGES, LABELS, np.ones(6, "float32")))


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_an_uncompiled_gan_says_to_compile(method):
    with pytest.raises(ValueError, match=r"call `compile\(\)` before"):
        getattr(gan(compiled=False), method)(IMAGES)


def test_the_first_batch_is_checked_by_evaluate_too():
    with refuses("Images must be floats in [-1, 1]. Received: dtype int64."):
        untrained_gan().evaluate(IMAGES.astype("int64"), verbose=0)


def test_batches_of_numpy_arrays_pass_as_they_are():
    images, labels = checks.images_and_labels((IMAGES, LABELS, None), gan(num_classes=4))
    assert images is IMAGES
    assert labels is LABELS
