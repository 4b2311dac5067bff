"""All that trains together is made in one scope; TensorFlow's own errors do not say so."""

import keras
import tensorflow as tf

_REMEDY = (
    "Make networks, optimizers and GAN in one `with strategy.scope():`, or all of them outside of "
    "it; what the GAN is called for afterwards needs no scope."
)


def check_one_scope(gan_variable: keras.Variable, **parts) -> None:
    """Raise unless parts of a GAN were made in the scope that the GAN was made in.

    Args:
        gan_variable: a variable of the GAN's own.
        **parts: networks and optimizers by their names. What has no variables yet passes, such as
            a class: it makes them later, in the GAN's scope.

    Raises:
        ValueError: for a part that was made elsewhere, with where.
    """
    own = _strategy(gan_variable)
    for name, part in parts.items():
        if isinstance(part, type):
            continue
        inner = getattr(part, "inner_optimizer", part)
        for variable in (*getattr(part, "variables", ()), *getattr(inner, "variables", ())):
            if _strategy(variable) is not own:
                raise ValueError(
                    f"The {name} and the GAN are for different devices. Expected: both made in one "
                    f"scope. Received: the GAN made {_where(own)}, the {name} "
                    f"{_where(_strategy(variable), own)}. {_REMEDY}"
                )


def check_scope_of_call(gan_variable: keras.Variable, call: str) -> None:
    """Raise where a method of a GAN is called in the scope of other devices than it was made for.

    Args:
        gan_variable: a variable of the GAN's own.
        call: str, the method's name.

    Raises:
        ValueError: if the scope is neither the one that the GAN was made in, nor none at all.
    """
    if not tf.distribute.has_strategy():
        return
    own, current = _strategy(gan_variable), tf.distribute.get_strategy()
    # Its variables are those of no scope.
    is_plain = isinstance(current, tf.distribute.OneDeviceStrategy)
    if own is not (None if is_plain else current):
        raise ValueError(
            f"{call} was called in the scope of other devices than the GAN was made for. "
            f"Received: the GAN made {_where(own)}, {call} called {_where(current, own)}. {_REMEDY}"
        )


def _strategy(variable: keras.Variable):
    """The strategy whose devices hold a variable; None for one device."""
    return getattr(variable.value, "distribute_strategy", None)


def _where(strategy, other=None) -> str:
    """In words, where a strategy was in scope, which is not the other one."""
    if strategy is None:
        return "outside of any scope"
    replicas = strategy.num_replicas_in_sync
    many = "" if replicas == 1 else "s"
    article = "another" if type(strategy) is type(other) else "a"
    return f"in the scope of {article} {type(strategy).__name__} with {replicas} replica{many}"
