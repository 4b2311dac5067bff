"""Saving a model whole: random state included, and never half a file.

Keras counts the states of seed generators, those of dropout layers too, among a model's variables
and saves none of them, so that a restored run draws other numbers.
"""

import contextlib
import inspect
import random
from pathlib import Path
from types import NoneType

import keras
import numpy as np
from keras import ops

from kgan._utils.files import replacing
from kgan.backend import rebuilding
from kgan.sampling import network_inputs


def destination(
    model: keras.Model,
    filepath,
    *,
    overwrite: bool,
    zipped: bool | None,
    fault: str | None = None,
):
    """Where to write a `.keras` file, so that it appears whole or not at all.

    Args:
        model: the model that is to be saved.
        filepath: path, where the file is to be in the end.
        overwrite: bool, whether an existing file may be replaced.
        zipped: as in `keras.Model.save`.
        fault: str, what `fault` found; None, the default, for nothing.

    Returns:
        Context of the path to write to: a temporary file that takes the place of the other, or
        `filepath` itself where that is not possible.

    Raises:
        ValueError: for another file format, which would not keep everything, and for a GAN that
            the file would not give back, whose weights are then kept in a file beside it.
    """
    in_one_file = zipped is not False
    if in_one_file and Path(filepath).suffix != ".keras":
        raise ValueError(
            f"A {type(model).__name__} is saved in Keras' own format, which alone keeps "
            f"everything. Expected: a path that ends in .keras. Received: {filepath}."
        )
    if fault:
        weights = Path(filepath).with_suffix(".weights.h5")
        model.save_weights(weights)
        raise ValueError(
            f"{filepath} is not written, since a file would not give back this GAN. {fault} "
            f"Nothing is lost: {weights} has all weights and states, for load_weights of a GAN "
            "that the same code builds and compiles."
        )
    if not (overwrite and in_one_file) or "://" in str(filepath):
        return contextlib.nullcontext(filepath)
    return replacing(filepath)


def check_apart(generator: keras.Model, discriminator: keras.Model) -> None:
    """Raise if the players share variables, which a file could not give back as shared.

    Args:
        generator: keras model.
        discriminator: keras model.

    Raises:
        ValueError: with the variables.
    """
    own = {id(variable) for variable in generator.variables}
    shared = [variable.path for variable in discriminator.variables if id(variable) in own]
    if shared:
        raise ValueError(
            "Generator and discriminator must have no layer in common: each is trained against "
            "the other, and a saved GAN gives each its own. Received: two networks that share "
            f"{', '.join(shared[:3])}{' and more' * (len(shared) > 3)}. Make a layer for each, or "
            "two networks by two calls of the function that builds them."
        )


def example_inputs(gan, rows: int = 4) -> tuple:
    """Latents and labels that a GAN's networks can be called with.

    Args:
        gan: `kgan.GAN`.
        rows: int, how many, default 4.

    Returns:
        (latents, labels): float32 array (rows, latent_dim), and an array (rows, ...), or None for a
        GAN without labels.
    """
    draws = np.random.default_rng(0)
    latents = draws.standard_normal((rows, gan.latent_dim), "float32")
    if gan.num_classes is not None:
        return latents, np.arange(rows, dtype="int32") % gan.num_classes
    if gan.condition_shape is not None:
        return latents, draws.standard_normal((rows, *gan.condition_shape), "float32")
    return latents, None


def loading_needs(gan) -> str | None:
    """What a file of a GAN needs when it is loaded, of which Keras knows nothing by itself.

    Args:
        gan: a compiled `kgan.GAN`.

    Returns:
        A sentence for each need, or None.
    """
    needs, foreign = [], rebuilding.foreign_objects(*_parts(gan))
    unknown = [
        found.__name__
        for name, found in foreign.items()
        if keras.saving.get_registered_object(name) is None and name != "<lambda>"
    ]
    if unknown:
        needs.append(
            f"Keras cannot find {', '.join(sorted(unknown))} when it loads a file of this GAN. "
            "Decorate each with @keras.saving.register_keras_serializable(), or load the file "
            "in keras.saving.custom_object_scope({...}) with them by their names."
        )
    if "<lambda>" in foreign:
        needs.append(
            "A file of this GAN holds a lambda, which Keras loads only after "
            "keras.config.enable_unsafe_deserialization(). Write a registered function or a layer "
            "in its place."
        )
    return " ".join(needs) or None


def fault(gan) -> str | None:
    """Why a file of a GAN would not give back the GAN, found without a file.

    Only what is not Keras' or kgan's is looked at: the GAN is made anew by its config, and its
    networks, loss, penalties and augmentation, and the options of its own constructor are compared.

    Args:
        gan: `kgan.GAN`, compiled or not.

    Returns:
        What is wrong and the remedy, or None.
    """
    foreign = rebuilding.foreign_objects(*_parts(gan))
    # A subclass that only overrides methods is made like the GAN.
    own_constructor = not type(gan).__init__.__module__.startswith("kgan.")
    if all(found is type(gan) and not own_constructor for found in foreign.values()):
        return None
    # Where new layers draw the seeds of their first weights.
    before = random.getstate()
    try:
        with keras.saving.custom_object_scope(foreign):
            config = keras.saving.serialize_keras_object(gan)
            learns = config.pop("compile_config", None)
            copy, learns = keras.saving.deserialize_keras_object([config, learns], safe_mode=False)
            copy.set_weights(gan.get_weights())
            found = _difference(gan, copy, learns)
    # Constructors of users raise what they like.
    except Exception as error:
        found = rebuilding.in_words(error)
    finally:
        random.setstate(before)
    return found and (
        f"The config of this GAN makes another one: {found} {rebuilding.advice(foreign)}"
    )


def _parts(gan) -> list:
    """The GAN, and what it was compiled with."""
    if not gan.compiled:
        return [gan]
    optimizers = [gan.optimizer.d_optimizer, gan.optimizer.g_optimizer]
    inner = [getattr(optimizer, "inner_optimizer", optimizer) for optimizer in optimizers]
    return [gan, *filter(None, (gan.loss, *gan.penalties, gan.augment)), *inner]


def _difference(gan, copy, learns: dict | None) -> str | None:
    if len(random_states(gan)) != len(random_states(copy)):
        return "seed generators that layers share are made anew for each of them."
    latents, labels = example_inputs(gan)
    sizes = [size or 16 for size in gan.image_shape]
    images = np.random.default_rng(1).uniform(-1, 1, (len(latents), *sizes))
    for role, samples in (("generator", latents), ("discriminator", images.astype("float32"))):
        own, made = getattr(gan, role), getattr(copy, role)
        for training in (False, True) if rebuilding.foreign_objects(own) else ():
            inputs = network_inputs(samples, labels)
            found = rebuilding.difference(own, made, inputs, training=training)
            if found:
                return f"of the {role}, {found}"
    made_anew = (learns["loss"], *learns["penalties"], learns["augment"]) if learns else ()
    own_parts = (gan.loss, *gan.penalties, gan.augment) if learns else ()
    pairs = [pair for pair in zip(own_parts, made_anew, strict=True) if pair[0] is not None]
    for own, made, names in ((gan, copy, _own_options(gan)), *((*pair, None) for pair in pairs)):
        for name, value in vars(own).items():
            if names is not None and name.removeprefix("_") not in names:
                continue
            plain, anew = keras.tree.flatten(value), vars(made).get(name)
            is_plain = all(isinstance(part, (bool, int, float, str, NoneType)) for part in plain)
            if is_plain and plain != keras.tree.flatten(anew):
                return f"{type(own).__name__} has {name}={value!r}, and {anew!r} anew."
    return None


def _own_options(gan) -> set[str]:
    """The arguments of a subclass's constructors. What else it holds may change in a training."""
    return {
        name
        for kind in type(gan).__mro__
        if kind.__module__.partition(".")[0] not in ("kgan", "keras", "builtins", "tensorflow")
        for name in inspect.signature(kind.__init__).parameters
    }.difference(inspect.signature(gan.compile).parameters)


def random_states(model: keras.Model) -> list[keras.Variable]:
    """The states of all seed generators of a model.

    Args:
        model: keras model.

    Returns:
        List of variables, always in the same order.
    """
    return [state for state in model.variables if state.path.endswith("seed_generator_state")]


def save_state(gan: keras.Model, store) -> None:
    """Write random states, and what else is no weight, into the file of a model.

    Args:
        gan: `kgan.GAN`.
        store: what Keras gives to `save_own_variables`.
    """
    for name, variable in _named_state(gan).items():
        store[name] = ops.convert_to_numpy(variable)


def load_state(gan: keras.Model, store) -> dict:
    """Read what `save_state` has written.

    Args:
        gan: `kgan.GAN`.
        store: what Keras gives to `load_own_variables`.

    Returns:
        Dict of the rest, which Keras reads.
    """
    saved = {key: store[key] for key in store.keys()}  # noqa: SIM118 - it is no mapping
    for name, variable in _named_state(gan).items():
        # Weights may come from a GAN that was compiled otherwise.
        if name in saved or name.startswith("random_state_"):
            variable.assign(saved[name])
    return {key: saved[key] for key in saved if not key.startswith(("random_state_", "own_state_"))}


def _named_state(gan) -> dict[str, keras.Variable]:
    random = {f"random_state_{index}": state for index, state in enumerate(random_states(gan))}
    beside = gan.state_beside_weights().items()
    return random | {f"own_state_{name}": variable for name, variable in beside}
