"""What can be known to be wrong with two networks before they are trained.

Every check says what is wrong, what was expected, what was received, and the remedy.
"""

import warnings

import keras
import numpy as np
from keras import ops

from kgan.backend import autodiff
from kgan.backend import private
from kgan.gan import packing
from kgan.sampling import network_inputs

# Here every sigmoid and every tanh is at its end, and the square is still a number in 16 bits.
_FAR = 100.0
_TOLERANCE = 1e-3
_TRIES = 12
# For a side of images that the network leaves open.
_UNKNOWN_SIDE = 8


def under_class_numbers(network, num_classes: int | None):
    """A network that takes labels one-hot, or in a column, as one that takes class numbers.

    Args:
        network: keras model.
        num_classes: int, or None.

    Returns:
        Keras model of [samples, labels (batch,)] around the network; the network itself where there
        are no classes, or it takes their numbers anyhow.
    """
    inputs = getattr(network, "inputs", None) or []
    shape = inputs[1].shape[1:] if len(inputs) == 2 else None
    if num_classes is None or shape not in ((1,), (num_classes,)):
        return network
    samples = keras.Input(inputs[0].shape[1:], dtype=inputs[0].dtype, name="samples")
    labels = keras.Input((), dtype="int32", name="labels")
    given = ops.expand_dims(labels, -1) if shape == (1,) else ops.one_hot(labels, num_classes)
    return keras.Model([samples, labels], network([samples, given]), name=network.name)


def check_networks(gan, *, is_shown_all: bool = True) -> tuple:
    """Check that the two networks of a GAN fit each other, the latents and the labels.

    Args:
        gan: `kgan.GAN` with `generator`, `discriminator` and what they are conditioned on.
        is_shown_all: bool, whether the discriminator is shown images and class numbers as they are.

    Returns:
        The shape of one image, without the batch.

    Raises:
        ValueError: if a network does not take what it would be given, if the discriminator's
            logits have bounds, or if a network has losses of its own.
    """
    latents, labels = (*_inputs_of_generator(gan), None)[:2]

    def generate(latents, labels):
        _check_inputs(gan.generator, latents, labels)
        return gan.generator(network_inputs(latents, labels))

    def discriminate(images, labels):
        if is_shown_all:
            _check_inputs(gan.discriminator, packing.packed(images, gan.pack), labels)
        return gan.discriminate(images, labels)

    images = _output("generator", gan.generator, generate, "latents", latents, labels)
    if is_shown_all:
        gan.pack = packing.pack_size(images.shape, gan.discriminator)
    if gan.pack == 3 and images.shape[-1] == 1:
        warnings.warn(
            f"The generator makes grey images, and the discriminator {gan.discriminator.name!r} "
            "takes three channels: it will judge packs of three images. If colour images were "
            "meant, build both networks for one image shape.",
            # The user's call of the constructor.
            stacklevel=3,
        )
    if gan.pack > 1 and labels is not None:
        raise ValueError(
            f"The discriminator {gan.discriminator.name!r} takes {gan.pack} times the channels of "
            "the generator's images, so packs of several images, which have one logit but a label "
            "each. Expected: packs without classes and conditions, or a discriminator of images "
            f"{images.shape[1:]}. Received: one of {gan.discriminator.inputs[0].shape[1:]}, "
            "and labels."
        )
    _output("discriminator", gan.discriminator, discriminate, "images", images, labels)
    for role, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        if network.losses:
            raise ValueError(
                f"The {role} {network.name!r} has losses of its own: {len(network.losses)} (layers "
                "with kernel_regularizer=, activity_regularizer= or add_loss), which a GAN would "
                "silently leave out. Remove them, or use the optimizer's weight_decay= in their "
                "place."
            )
        for layer in private.walk_layers(network) if gan.num_classes else ():
            if isinstance(layer, keras.layers.Embedding) and layer.input_dim < gan.num_classes:
                raise ValueError(
                    f"The {role} {network.name!r} embeds {layer.input_dim} classes (in the layer "
                    f"{layer.name!r}). Expected: at least num_classes={gan.num_classes}. Build it "
                    f"with num_classes={gan.num_classes}."
                )
    shown = packing.packed(images, gan.pack)
    _check_logits(gan.discriminator, [shown] if labels is None else [shown, labels])
    return tuple(images.shape[1:])


def _output(role: str, network, call, name: str, samples, labels):
    """What a network makes of symbolic samples, and of labels where there are some."""
    expected = f"{name} of shape {samples.shape}"
    if labels is not None:
        expected = f"[{name} {samples.shape}, labels {labels.shape}]"
    if not isinstance(network, keras.Model):
        raise ValueError(
            f"The {role} must be a keras.Model of {expected}. Received: {network!r}. "
            "Wrap layers and functions in keras.Sequential or keras.Model."
        )
    try:
        output = call(samples, labels)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        received = getattr(network, "input_shape", None) or "inputs of another kind"
        remedy = (
            "Make latent_dim, num_classes and the image shape the same in generator, discriminator "
            "and GAN."
        )
        if labels is not None and len(getattr(network, "inputs", None) or ()) == 1:
            remedy = (
                f"It takes one input: give it two, [{name}, labels], by keras.Input twice, and "
                "join them inside, for example by keras.layers.Concatenate."
            )
        raise ValueError(
            f"The {role} {network.name!r} does not fit. Expected: a model of {expected}. "
            f"Received: a model of {received}. {remedy}"
        ) from error
    if not isinstance(output, keras.KerasTensor):
        raise ValueError(
            f"The {role} {network.name!r} must return one tensor. "
            f"Received: a {type(output).__name__}. Make a keras.Model of the part that is needed."
        )
    return output


def _check_inputs(network, samples, labels) -> None:
    """Raise unless shapes agree, which Keras looks at in part."""
    given = [samples] if labels is None else [samples, labels]
    for tensor, own in zip(given, getattr(network, "inputs", None) or given, strict=True):
        # Keras adds and takes away a last axis of 1.
        shapes = [
            shape[1:-1] if len(shape) > 1 and shape[-1] == 1 else shape[1:]
            for shape in (tensor.shape, own.shape)
        ]
        for side, own_side in zip(*shapes, strict=True):
            if None not in (side, own_side) and side != own_side:
                raise ValueError(f"{tensor.shape} is not {own.shape}.")


def _check_logits(discriminator, inputs: list) -> None:
    """Raise for logits between two bounds, warn of one bound at 0."""
    reached = reach(discriminator, inputs)
    for low in (0, -1):
        if reached is not None and _is_at(reached, (low, 1)):
            raise ValueError(
                f"The logits of the discriminator {discriminator.name!r} stay in [{low}, 1], "
                "whatever it learns: it ends in a sigmoid or the like. Expected: logits without "
                "bounds. Every kgan loss works on logits and applies its own sigmoid where the "
                "paper has one; a second one would flatten the gradients. Remove the activation "
                "of the last layer."
            )
    # Of a functional network alone: what comes into its last layer has either sign.
    one_sided = reached is not None and min(map(abs, reached)) < _TOLERANCE
    if one_sided and getattr(discriminator, "outputs", None):
        side = "at or above" if reached[1] > _TOLERANCE else "at or below"
        warnings.warn(
            f"The logits of the discriminator {discriminator.name!r} stay {side} 0, whatever it "
            "learns: it ends in an activation such as relu, softplus or log_sigmoid. Expected: "
            "logits without bounds, below 0 for fakes and above 0 for reals. Remove the activation "
            "of the last layer, unless the loss is made for it.",
            # The user's call of the constructor.
            stacklevel=4,
        )


def check_derivatives(gan, penalties: list) -> None:
    """Raise unless the discriminator can be differentiated as often as its penalties need.

    Args:
        gan: `kgan.GAN`.
        penalties: list of `kgan.penalties.Penalty`.

    Raises:
        ValueError: with the layer that TensorFlow cannot differentiate twice.
    """
    if not any(penalty.differentiates_twice for penalty in penalties):
        return
    images = keras.KerasTensor((None, *gan.image_shape), dtype="float32")
    variables = gan.discriminator.trainable_variables

    def objective(images, *labels):
        slopes = autodiff.input_gradients(
            lambda images: gan.discriminate(images, *labels, training=True), images
        )
        return ops.mean(ops.square(slopes)), ()

    try:
        autodiff.trace(
            lambda *inputs: autodiff.value_and_gradients(lambda: objective(*inputs), variables),
            [images, *_inputs_of_generator(gan)[1:]],
        )
    except autodiff.NotTwiceDifferentiableError:
        raise
    # Whatever else cannot be done without real images is left to the training.
    except Exception:
        return


def check_prior(gan) -> None:
    """Raise unless the `sample_latents` of a subclass draws as a training and `generate` need.

    Args:
        gan: `kgan.GAN`. Its random states stay as they are.

    Raises:
        ValueError: for a wrong shape, a NumPy array, latents that are always the same, or that the
            seed does not decide.
    """
    seeds = keras.random.SeedGenerator(0)
    # Enough that no two draws of a sound prior are equal by chance.
    rows, more = 64, 65

    def drawn(n, *given):
        # A layer that a prior passes through may have random numbers of its own.
        with gan.unchanged_random_state():
            return [gan.sample_latents(n, seed) for seed in given]

    first, second = drawn(rows, seeds, seeds)
    (third,), (again,), (other,) = (drawn(more, seed) for seed in (0, 0, 1))
    where = f"{type(gan).__name__}.sample_latents(n, seed)"
    for n, latents in ((rows, first), (more, third)):
        shape = getattr(latents, "shape", None)
        if shape is None or tuple(shape) != (n, gan.latent_dim):
            received = type(latents).__name__ if shape is None else tuple(shape)
            raise ValueError(
                f"{where} must return a tensor (n, latent_dim), here ({n}, {gan.latent_dim}). "
                f"Received: {received}."
            )
    remedy = (
        "Draw with keras.random and pass it the seed: keras.random.uniform((n, ...), seed=seed)."
    )
    if isinstance(first, np.ndarray) and not gan.run_eagerly:
        raise ValueError(
            f"{where} must return a tensor. Received: a NumPy array, which a compiled step would "
            f"draw once and use in the whole training. {remedy}"
        )

    def is_same(one, two):
        return np.array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(two))

    if not is_same(third, again):
        raise ValueError(
            f"{where} must return the same latents for the same number as a seed. Received: "
            f"others at every call, so that no seed decides them. {remedy}"
        )
    if is_same(first, second) or is_same(third, other):
        raise ValueError(
            f"{where} must return other latents at every draw. Received: the same for every seed, "
            f"with which the generator would learn a few images. {remedy}"
        )


def reach(network: keras.Model, inputs: list) -> tuple[float, float] | None:
    """The lowest and the highest value that a network can give, whatever it learns.

    It is tried: what comes into the last layer with weights is drawn far from zero, and its biases
    are pushed to either side. Without bounds the output goes as far; a sigmoid shows both its ends.
    Only a subclassed network is called as a whole, since it does not tell which layer is its last:
    what all of its biases, pushed alike, do not show, they show with random signs.
    Its weights and random states stay as they are.

    Args:
        network: built keras model.
        inputs: list of `keras.KerasTensor`, what it is called with.

    Returns:
        (lowest, highest) of what was seen; None where it could not be tried.
    """
    random = np.random.default_rng(0)
    variables = network.trainable_variables

    def far(tensor):
        shape = [_UNKNOWN_SIDE if side is None else side for side in tensor.shape[1:]]
        rows = np.stack([np.zeros(shape), np.ones(shape), random.standard_normal(shape)])
        rows = _FAR * np.concatenate([rows, -rows]) * keras.backend.is_float_dtype(tensor.dtype)
        return ops.convert_to_tensor(rows, dtype=tensor.dtype)

    def value(tensor):
        operation, *arguments, index = private.made_by(tensor)
        if isinstance(operation, keras.layers.InputLayer):
            return far(tensor)
        of_part = far if getattr(operation, "weights", ()) else value
        arguments, keywords = keras.tree.map_structure(
            lambda part: of_part(part) if isinstance(part, keras.KerasTensor) else part, arguments
        )
        return keras.tree.flatten(operation(*arguments, **keywords))[index]

    def output():
        if getattr(network, "outputs", None):
            return value(network.outputs[0])
        given = [far(tensor) for tensor in inputs]
        return network(given if len(given) > 1 else given[0])

    def pushed(variable, try_: int):
        if len(variable.shape) == 1:
            sides = random.choice((-1, 1), variable.shape) if try_ > 1 else (-1, 1)[try_]
            return ops.cast(variable + _FAR * sides, variable.dtype)
        # A last layer may have no bias.
        return ops.cast(variable * random.choice((-1, 1)), variable.dtype) if try_ > 1 else variable

    low, high = np.inf, -np.inf
    for try_ in range(_TRIES):
        try:
            with keras.StatelessScope([(one, pushed(one, try_)) for one in variables]):
                values = ops.convert_to_numpy(ops.cast(output(), "float32"))
        # A network may do anything; one that cannot be tried is taken as it is.
        except Exception:
            return None
        if not np.isfinite(values).all():
            return None
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        # Both ends are told by now, or there are none; of (0, 1) tanh may still show the rest.
        if try_ and ((low < -1 and high > 1) or _is_at((low, high), (-1, 1))):
            break
    return (low, high) if low < high else None


def _is_at(reached: tuple, ends: tuple) -> bool:
    return np.allclose(reached, ends, atol=_TOLERANCE)


def makes_0_to_1(gan) -> bool:
    """Whether the generator of a GAN is known to make values in [0, 1] only."""
    reached = reach(gan.generator, _inputs_of_generator(gan))
    return reached is not None and _is_at(reached, (0, 1))


def warn_of_range(gan, images: np.ndarray | None) -> None:
    """Warn if the generator can never make what is in the data.

    Args:
        gan: `kgan.GAN`.
        images: float array (n, ...), some of the data; None if they cannot be looked at.
    """
    reached = None if images is None else reach(gan.generator, _inputs_of_generator(gan))
    if reached is None:
        return
    # Beyond 1 a bound is not told from what learning may move.
    low = max((end for end in (-1, 0) if reached[0] > end - _TOLERANCE), default=-np.inf)
    high = min((end for end in (0, 1) if reached[1] < end + _TOLERANCE), default=np.inf)
    data = f"the data in [{images.min():g}, {images.max():g}]"
    makes = f"The values that the generator {gan.generator.name!r} makes lie in [{low:g}, {high:g}]"
    if images.min() < low - _TOLERANCE or images.max() > high + _TOLERANCE:
        warnings.warn(
            f"{makes}, whatever it learns, and {data}: it can never make the rest. Scale the data, "
            "or end the generator in another activation: tanh for data in [-1, 1], none for any.",
            # The user's call of fit.
            stacklevel=3,
        )
    # Of pictures in [0, 1] the check of the batch warns.
    elif (
        np.isfinite([low, high]).all()
        and low < 0 < high
        and (images.max() <= 0 or (images.min() >= 0 and images.ndim != 4))
    ):
        warnings.warn(
            f"{makes}, and {data}, all on one side of 0: half of the range would be learned to be "
            "left out. Scale the data to [-1, 1], with 2 * x - 1 if they lie in [0, 1].",
            stacklevel=3,
        )


def _inputs_of_generator(gan) -> list:
    """What the generator is called with: latents, and labels where there are some."""
    inputs = [keras.KerasTensor((None, gan.latent_dim), dtype="float32")]
    if gan.num_classes is not None:
        inputs.append(keras.KerasTensor((None,), dtype="int32"))
    if gan.condition_shape is not None:
        inputs.append(keras.KerasTensor((None, *gan.condition_shape), dtype="float32"))
    return inputs
