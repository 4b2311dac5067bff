"""A network of a config is the network that it was, or is refused."""

import runpy
from pathlib import Path

import keras
import numpy as np
import pytest

from kgan.backend import rebuilding

Forgetful = runpy.run_path(str(Path(__file__).parents[1] / "forgetful.py"))["Forgetful"]

layers = keras.layers


@keras.saving.register_keras_serializable("test_rebuilding")
class Subclassed(keras.Model):
    """A model of whose arguments Keras records the defaults."""

    def __init__(self, width=2, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.factor = layers.Dense(width), factor

    def call(self, inputs):
        return self.factor * self.dense(inputs)


class Unregistered(layers.Layer):
    """A layer that Keras does not find by its name."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs


class Random(layers.Layer):
    """A layer with other outputs in every call."""

    def call(self, inputs):
        return inputs + keras.random.normal((3,))


def doubled(inputs):
    return 2 * inputs


def sequential(*others):
    return keras.Sequential([keras.Input((4,)), layers.Dense(3), *others])


def subclassed(**arguments):
    model = Subclassed(**arguments)
    model(np.zeros((1, 4)))
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: sequential(Unregistered(3.0)),
        lambda: sequential(Unregistered(3.0, dtype="mixed_float16")),
        lambda: sequential(layers.Activation(doubled)),
        lambda: sequential(layers.Lambda(lambda inputs: 3 * inputs)),
        lambda: sequential(layers.Dropout(0.5), Unregistered(0.5)),
        lambda: sequential(Forgetful(1.0)),
        lambda: subclassed(width=2),
    ],
)
def test_the_same_function_is_made_of_what_the_config_tells(make):
    network = make()
    state = [np.array(variable) for variable in network.variables]
    copy = rebuilding.rebuilt(network)
    inputs = np.random.default_rng(1).normal(size=(5, 4))
    np.testing.assert_array_equal(copy(inputs), network(inputs))
    assert not {id(weight) for weight in copy.weights} & {id(weight) for weight in network.weights}
    for variable, value in zip(network.variables, state, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_what_no_seed_decides_is_not_compared():
    rebuilding.rebuilt(sequential(Random()))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: sequential(Forgetful(3.0)), r"the outputs of the one made anew differ by 0\.\d+"),
        (lambda: sequential(Forgetful(1.1, dtype="mixed_float16")), "differ by"),
        (lambda: subclassed(factor=3.0), "differ by"),
        (lambda: subclassed(width=3), "expected|not compatible|shape"),
        (lambda: sequential(layers.Lambda(lambda inputs: keras.ops.exp(inputs))), "'keras' is not"),
    ],
)
@pytest.mark.parametrize("change", [None, lambda config: config])
def test_another_function_is_refused(make, reason, change):
    network = make()
    with pytest.raises(ValueError, match=reason) as refusal:
        rebuilding.rebuilt(network, change=change)
    message = str(refusal.value)
    assert message.startswith(f"The network {network.name!r} cannot be made anew by its config")
    assert "get_config() that returns every argument of the constructor. Received, of" in message


class Closed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def test_a_constructor_without_arguments_is_told_to_take_keywords():
    network = Closed()
    network(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="unexpected keyword argument") as refusal:
        rebuilding.rebuilt(network)
    assert str(refusal.value).endswith(
        "Received: Closed. Write def __init__(self, ..., **kwargs): super().__init__(**kwargs), "
        "and a get_config() that returns the other arguments."
    )


def test_what_neither_keras_nor_kgan_define_is_found_with_its_functions():
    network = sequential(Unregistered(2.0), layers.Activation(doubled), Forgetful())
    assert rebuilding.foreign_objects(network) == {
        "Unregistered": Unregistered,
        "doubled": doubled,
        "tests>Forgetful": Forgetful,
    }
    assert rebuilding.foreign_objects(sequential(layers.Activation("relu"))) == {}
