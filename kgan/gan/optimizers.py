"""The two optimizers of a GAN behind the one that Keras knows."""

import contextlib
import warnings
from collections.abc import Iterator

import keras
from keras import ops

from kgan import schedules as by_images
from kgan._utils.checks import check_number
from kgan._utils.tensors import Tensor
from kgan.backend import private

# What may follow the images seen, and what each has to stay within.
_SCHEDULED = {
    "learning_rate": {"at_least": 0},
    "beta_1": {"at_least": 0, "below": 1},
    "beta_2": {"at_least": 0, "below": 1},
}
_MOVE_THE_RATE = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau


@keras.saving.register_keras_serializable("kgan")
class GANOptimizer(keras.optimizers.Optimizer):
    """A pair of optimizers that Keras treats as `model.optimizer`.

    Keras saves, restores and schedules exactly one optimizer per model. This one holds two, so
    checkpoints keep the state of both and learning-rate callbacks reach both. It updates nothing
    itself: `kgan.GAN` calls `apply` of the optimizer whose player moves.

    `iterations` counts generator updates. `learning_rate` reads the generator's; setting it moves
    both and keeps the ratio the two have, also through zero and a restart there, so that
    `LearningRateScheduler` and `ReduceLROnPlateau` leave a two-time-scale set-up what it is.

    Args:
        d_optimizer: `keras.optimizers.Optimizer` of the discriminator, its class, name or config.
        g_optimizer: the same of the generator, another object.
        schedules: dict of `kgan.schedules.Schedule`, or what `kgan.schedules.get` takes, by the
            name of what follows the images seen in both optimizers: "learning_rate", "beta_1" or
            "beta_2". The learning rate is the generator's; the discriminator's keeps its ratio to
            it. None, the default, for none.

    Raises:
        ValueError: if both are one object, or if one is no optimizer, has a learning rate that is
            negative or not finite, keeps a moving average of its own or is a
            `keras.optimizers.MultiOptimizer`; for a schedule of what an optimizer does not have,
            or out of its range.

    Example:
        >>> optimizer = kgan.GANOptimizer(
        ...     keras.optimizers.Adam(4e-4), keras.optimizers.Adam(1e-4))
        >>> optimizer.learning_rate = 5e-5
        >>> round(float(optimizer.d_optimizer.learning_rate), 6)
        0.0002
    """

    def __init__(
        self,
        d_optimizer: keras.optimizers.Optimizer | type | str | dict,
        g_optimizer: keras.optimizers.Optimizer | type | str | dict,
        schedules: dict | None = None,
        name: str = "gan_optimizer",
    ):
        super().__init__(learning_rate=0.0, name=name)
        self.d_optimizer = _optimizer("d", d_optimizer)
        self.g_optimizer = _optimizer("g", g_optimizer)
        if self.d_optimizer is self.g_optimizer:
            raise ValueError(
                "The discriminator and the generator need an optimizer each: one object cannot "
                "keep the state of both. Make two, for example "
                "d_optimizer=keras.optimizers.Adam(2e-4), g_optimizer=keras.optimizers.Adam(2e-4)."
            )
        # Older versions of Keras do not have it.
        multi = getattr(keras.optimizers, "MultiOptimizer", ())
        for role, optimizer in (("d", self.d_optimizer), ("g", self.g_optimizer)):
            inner = _inner(optimizer)
            if isinstance(inner, multi):
                raise ValueError(
                    f"{role}_optimizer is a MultiOptimizer, which has several learning rates; "
                    "callbacks and the ratio of the two players need one. Expected: one "
                    "keras.optimizers.Optimizer per player. Pass for example "
                    "keras.optimizers.Adam(2e-4, beta_1=0.5)."
                )
            if inner.use_ema:
                raise ValueError(
                    f"{role}_optimizer has use_ema=True, with which every fit would end by "
                    "overwriting the weights. Use kgan.GAN(..., ema_halflife_images=...) for an "
                    "averaged generator that leaves the trained one alone."
                )
            _check_rate(f"learning_rate of {role}_optimizer", optimizer.learning_rate)
        # In float64, or it would move a little whenever it is read off the rates.
        self._rate_ratio = self.add_variable(
            (), "ones", "float64", aggregation="only_first_replica", name="rate_ratio"
        )
        self._update_rate_ratio()
        self.schedules = {
            what: self._checked_schedule(what, schedule)
            for what, schedule in (schedules or {}).items()
        }
        # What one optimizer is between two updates: replicas take turns within them.
        self._unscheduled = {
            id(optimizer): {what: getattr(_inner(optimizer), what) for what in self._attributes()}
            for optimizer in (self.d_optimizer, self.g_optimizer)
        }

    def __setattr__(self, name, value):
        if name in ("d_optimizer", "g_optimizer") and self.__dict__.get("built"):
            raise ValueError(
                f"{name} cannot be replaced: it keeps the state of the weights that it was built "
                f"for, and a compiled step holds it. Received: {name}={value!r}. Call compile of "
                "the GAN again with new optimizers."
            )
        super().__setattr__(name, value)

    def build_pair(self, discriminator_variables: list, generator_variables: list) -> None:
        """Make the state of both optimizers, before any weights are loaded or any step is traced.

        Args:
            discriminator_variables: the discriminator's trainable variables.
            generator_variables: the generator's trainable variables.

        Raises:
            ValueError: if one was built for others.
        """
        for role, optimizer, variables in (
            ("d", self.d_optimizer, discriminator_variables),
            ("g", self.g_optimizer, generator_variables),
        ):
            inner = _inner(optimizer)
            known = _ids(private.variables_trained_by(inner))
            if inner.built and not set(_ids(variables)) <= set(known):
                raise ValueError(
                    f"{role}_optimizer keeps the state of other weights, as one that another GAN "
                    f"was compiled with. Expected: a new optimizer. Received: {inner.name!r}, "
                    f"built for {len(known)} weights. Make one for every GAN, or for weights that "
                    "are to be trained from now on."
                )
            optimizer.build(variables)
        # By their ids: the optimizers keep the variables themselves.
        self._built_for = _ids(discriminator_variables), _ids(generator_variables)
        self.built = True

    def check_built_for(self, discriminator_variables: list, generator_variables: list) -> None:
        """Raise if other variables are to be trained than those of `build_pair`.

        Args:
            discriminator_variables: the discriminator's trainable variables.
            generator_variables: the generator's trainable variables.

        Raises:
            ValueError: with the player.
        """
        now = _ids(discriminator_variables), _ids(generator_variables)
        for player, ids, before in zip(
            ("discriminator", "generator"), now, self._built_for, strict=True
        ):
            if ids != before:
                raise ValueError(
                    f"What the {player} trains has changed since compile, and fit would go on as "
                    f"it was. Expected: the {len(before)} weights of compile. Received: {len(ids)} "
                    f"weights, {len(set(ids) - set(before))} of them others. Call compile again, "
                    "with new optimizers, whenever trainable or a layer was changed."
                )

    @contextlib.contextmanager
    def following(
        self, optimizer: keras.optimizers.Optimizer, images: int | Tensor
    ) -> Iterator[None]:
        """Within the block one optimizer has the values that the schedules give.

        Args:
            optimizer: `d_optimizer` or `g_optimizer`.
            images: integer scalar, the real images seen.
        """
        rate = self.schedules.get("learning_rate")
        if rate is not None:
            of_generator = optimizer is self.g_optimizer
            variable = optimizer.learning_rate
            ratio = 1.0 if of_generator else ops.cast(self._rate_ratio, variable.dtype)
            variable.assign(ops.cast(rate(images), variable.dtype) * ratio)
        try:
            for what in self._attributes():
                setattr(_inner(optimizer), what, self.schedules[what](images))
            yield
        finally:
            for what, value in self._unscheduled[id(optimizer)].items():
                setattr(_inner(optimizer), what, value)

    def check_callbacks(self, callbacks: tuple) -> None:
        """Raise for a callback that would set a learning rate which a schedule sets.

        Args:
            callbacks: the callbacks of a fit.

        Raises:
            ValueError: with the callback.
        """
        for callback in callbacks:
            if "learning_rate" in self.schedules and isinstance(callback, _MOVE_THE_RATE):
                raise ValueError(
                    f"{type(callback).__name__} sets the learning rate, and so does "
                    f"{self.schedules['learning_rate']} at every step. Expected: one of them. "
                    "Leave out the callback, or the schedule of compile."
                )

    def _attributes(self) -> list:
        return [what for what in self.schedules if what != "learning_rate"]

    def _checked_schedule(self, what: str, schedule) -> by_images.Schedule:
        optimizers = self.d_optimizer, self.g_optimizer
        have = [name for name in _SCHEDULED if all(hasattr(_inner(o), name) for o in optimizers)]
        if what not in have:
            raise ValueError(
                f"There is no {what} of both optimizers to follow a schedule. Expected: schedules "
                f"by names out of {have}. Received: {what!r} for "
                f"{type(_inner(self.d_optimizer)).__name__} and "
                f"{type(_inner(self.g_optimizer)).__name__}."
            )
        for role, optimizer in (("d", self.d_optimizer), ("g", self.g_optimizer)):
            # Of Keras' own, by updates, it is part of the config.
            if what == "learning_rate" and isinstance(_inner(optimizer).get_config()[what], dict):
                raise ValueError(
                    f"The learning rate of {role}_optimizer is a schedule of Keras, and a second "
                    f"one sets it. Expected: one of them. Received: {what}={schedule!r}. Make the "
                    "optimizer with a number."
                )
        return by_images.check(what, by_images.get(schedule), **_SCHEDULED[what])

    def build(self, variables):
        # Keras builds with all trainable variables of the model, which belong to two optimizers.
        if not self.built:
            raise ValueError(
                "A GANOptimizer cannot tell whose variables these are. "
                "Call build_pair(discriminator_variables, generator_variables)."
            )

    @property
    def variables(self):
        return [*self.d_optimizer.variables, *self.g_optimizer.variables, self._rate_ratio]

    @property
    def iterations(self):
        return self.g_optimizer.iterations

    @property
    def learning_rate(self):
        return self.g_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        _check_rate("learning_rate", value)
        self._update_rate_ratio()
        # First the generator's, which may be a schedule and refuse: then neither has moved.
        self.g_optimizer.learning_rate = value
        self.d_optimizer.learning_rate = value * float(ops.convert_to_numpy(self._rate_ratio))

    def _update_rate_ratio(self):
        d_rate = float(ops.convert_to_numpy(self.d_optimizer.learning_rate))
        g_rate = float(ops.convert_to_numpy(self.g_optimizer.learning_rate))
        # At zero the rates no longer tell the ratio they had.
        if g_rate > 0:
            self._rate_ratio.assign(d_rate / g_rate)

    def save_own_variables(self, store):
        # The two optimizers are saved as children.
        store["rate_ratio"] = ops.convert_to_numpy(self._rate_ratio)

    def load_own_variables(self, store):
        # Not in files of before this was kept.
        if "rate_ratio" in store:
            self._rate_ratio.assign(store["rate_ratio"])

    def get_config(self):
        return {
            "d_optimizer": keras.saving.serialize_keras_object(self.d_optimizer),
            "g_optimizer": keras.saving.serialize_keras_object(self.g_optimizer),
            "schedules": {
                what: by_images.serialize(schedule) for what, schedule in self.schedules.items()
            },
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects=custom_objects))


def paired(
    d_optimizer, g_optimizer, schedules: dict | None, d_networks: list, g_networks: list
) -> GANOptimizer:
    """A `GANOptimizer` for two players, built, with loss scaling where one computes in float16.

    Keras would scale the loss of one optimizer. The two losses differ, so each gets a scale of its
    own; and since the generator's gradient passes through the discriminator, both get one.

    Args:
        d_optimizer: `keras.optimizers.Optimizer`, its class or name.
        g_optimizer: the same.
        schedules: as `GANOptimizer` takes them.
        d_networks: keras models that the discriminator's update trains.
        g_networks: keras models that the generator's update trains.

    Returns:
        `GANOptimizer`.
    """
    d_optimizer, g_optimizer = _optimizer("d", d_optimizer), _optimizer("g", g_optimizer)
    if any(map(_computes_in_float16, (*d_networks, *g_networks))):
        d_optimizer, g_optimizer = map(_with_loss_scale, (d_optimizer, g_optimizer))
    optimizer = GANOptimizer(d_optimizer, g_optimizer, schedules)
    variables = [trainable_variables(networks) for networks in (d_networks, g_networks)]
    for role, trained in zip(("discriminator", "generator"), variables, strict=True):
        if not trained:
            warnings.warn(
                f"The {role} has nothing to train: it has no weights, or all of them are frozen. "
                f"If it is to learn, set {role}.trainable = True before the GAN is compiled.",
                # The user's call of compile.
                stacklevel=3,
            )
    optimizer.build_pair(*variables)
    return optimizer


def trainable_variables(networks: list) -> list[keras.Variable]:
    """The trainable variables of networks, each once: they may share layers.

    Args:
        networks: list of keras models or layers.

    Returns:
        List of variables.
    """
    variables = [variable for network in networks for variable in network.trainable_variables]
    return list({id(variable): variable for variable in variables}.values())


def _inner(optimizer) -> keras.optimizers.Optimizer:
    """The optimizer itself, without the scaling of its loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _ids(variables: list) -> tuple:
    return tuple(map(id, variables))


def _computes_in_float16(network) -> bool:
    return any(layer.compute_dtype == "float16" for layer in private.computing_layers(network))


def _optimizer(role: str, given) -> keras.optimizers.Optimizer:
    try:
        return keras.optimizers.get(given() if isinstance(given, type) else given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{role}_optimizer is no optimizer. Expected: a keras.optimizers.Optimizer such as "
            "keras.optimizers.Adam(2e-4, beta_1=0.5), or its class, name or config. "
            f"Received: {given!r}."
        ) from error


def _check_rate(name: str, rate) -> None:
    # A schedule refuses to be set, or to be one.
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        check_number(name, ops.convert_to_numpy(rate).item(), at_least=0)


def _with_loss_scale(optimizer):
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
