"""The two optimizers of a GAN behind the one that Keras knows."""

import warnings

import keras
from keras import ops

from kgan._utils.checks import check_number
from kgan.backend import private


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

    Raises:
        ValueError: if both are one object, or if one is no optimizer, has a learning rate that is
            negative or not finite, keeps a moving average of its own or is a
            `keras.optimizers.MultiOptimizer`.

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
            inner = getattr(optimizer, "inner_optimizer", optimizer)
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
            inner = getattr(optimizer, "inner_optimizer", optimizer)
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
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects=custom_objects))


def paired(d_optimizer, g_optimizer, d_networks: list, g_networks: list) -> GANOptimizer:
    """A `GANOptimizer` for two players, built, with loss scaling where one computes in float16.

    Keras would scale the loss of one optimizer. The two losses differ, so each gets a scale of its
    own; and since the generator's gradient passes through the discriminator, both get one.

    Args:
        d_optimizer: `keras.optimizers.Optimizer`, its class or name, or None for
            Adam(2e-4, beta_1=0.5).
        g_optimizer: the same.
        d_networks: keras models that the discriminator's update trains.
        g_networks: keras models that the generator's update trains.

    Returns:
        `GANOptimizer`.
    """
    d_optimizer, g_optimizer = _optimizer("d", d_optimizer), _optimizer("g", g_optimizer)
    if any(map(_computes_in_float16, (*d_networks, *g_networks))):
        d_optimizer, g_optimizer = map(_with_loss_scale, (d_optimizer, g_optimizer))
    optimizer = GANOptimizer(d_optimizer, g_optimizer)
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


def _ids(variables: list) -> tuple:
    return tuple(map(id, variables))


def _computes_in_float16(network) -> bool:
    return any(layer.compute_dtype == "float16" for layer in private.computing_layers(network))


def _optimizer(role: str, given) -> keras.optimizers.Optimizer:
    if given is None:
        return keras.optimizers.Adam(2e-4, beta_1=0.5)
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
