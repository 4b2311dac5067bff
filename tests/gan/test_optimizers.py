"""The pair of optimizers behaves as the one Keras expects."""

import re

import keras
import numpy as np
import pytest

from kgan.gan.optimizers import GANOptimizer


def pair(d_rate=4e-4, g_rate=1e-4):
    return GANOptimizer(keras.optimizers.Adam(d_rate), keras.optimizers.SGD(g_rate, momentum=0.9))


def built_pair():
    optimizer = pair()
    optimizer.build_pair([keras.Variable([1.0, 2.0])], [keras.Variable([3.0])])
    return optimizer


def test_variables_are_those_of_both():
    optimizer = built_pair()
    of_both = optimizer.d_optimizer.variables + optimizer.g_optimizer.variables
    # Adam: iteration, rate, two moments; SGD with momentum: iteration, rate, one.
    assert len(of_both) == 4 + 3
    *first, ratio = optimizer.variables
    assert first == of_both
    assert float(ratio) == pytest.approx(4, rel=1e-6)


def test_reading_the_rate_gives_the_generators():
    np.testing.assert_allclose(float(pair().learning_rate), 1e-4, rtol=1e-6)


def test_a_rate_that_cannot_be_set_moves_neither():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = GANOptimizer(keras.optimizers.SGD(0.4), keras.optimizers.SGD(schedule))
    with pytest.raises(TypeError, match="LearningRateSchedule"):
        optimizer.learning_rate = 0.01
    assert float(optimizer.d_optimizer.learning_rate) == pytest.approx(0.4)


def test_the_ratio_of_the_rates_outlives_a_file_written_while_both_were_zero():
    optimizer, file = built_pair(), {}
    optimizer.learning_rate = 0.0
    optimizer.save_own_variables(file)
    restored = pair(0.0, 0.0)
    restored.load_own_variables(file)
    restored.learning_rate = 1e-3
    np.testing.assert_allclose(float(restored.d_optimizer.learning_rate), 4e-3, rtol=1e-6)
    # A file of before it was kept.
    pair().load_own_variables({})


def test_setting_the_rate_moves_both_and_keeps_their_ratio_even_through_zero():
    optimizer = pair()
    for rate in (5e-5, 0.0, 2e-4):
        optimizer.learning_rate = rate
        np.testing.assert_allclose(float(optimizer.g_optimizer.learning_rate), rate, rtol=1e-6)
        np.testing.assert_allclose(float(optimizer.d_optimizer.learning_rate), 4 * rate, rtol=1e-6)


def test_the_ratio_is_that_of_rates_set_by_hand():
    optimizer = pair()
    optimizer.d_optimizer.learning_rate = 1e-4
    optimizer.learning_rate = 5e-5
    np.testing.assert_allclose(float(optimizer.d_optimizer.learning_rate), 5e-5, rtol=1e-6)


def test_iterations_count_generator_updates():
    optimizer = built_pair()
    optimizer.d_optimizer.iterations.assign(6)
    optimizer.g_optimizer.iterations.assign(2)
    assert int(optimizer.iterations) == 2


def test_config_round_trip_keeps_both():
    optimizer = pair()
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert copy.d_optimizer.get_config() == optimizer.d_optimizer.get_config()
    assert copy.g_optimizer.get_config() == optimizer.g_optimizer.get_config()


def test_names_of_optimizers_are_understood():
    optimizer = GANOptimizer("adam", "rmsprop")
    assert isinstance(optimizer.d_optimizer, keras.optimizers.Adam)
    assert isinstance(optimizer.g_optimizer, keras.optimizers.RMSprop)


def test_one_optimizer_for_two_players_is_refused():
    adam = keras.optimizers.Adam()
    message = "need an optimizer each: one object cannot keep the state of both. Make two"
    with pytest.raises(ValueError, match=re.escape(message)):
        GANOptimizer(adam, adam)


def test_an_optimizers_own_average_is_refused():
    with pytest.raises(ValueError, match=r"g_optimizer has use_ema=True.*ema_halflife_images"):
        GANOptimizer(keras.optimizers.Adam(), keras.optimizers.Adam(use_ema=True))


def test_the_optimizer_of_another_gan_is_refused_unless_it_knows_the_weights():
    weights = [keras.Variable([1.0]), keras.Variable([2.0])]
    optimizer = pair()
    optimizer.build_pair(weights, weights[:1])
    again = GANOptimizer(
        optimizer.d_optimizer, keras.optimizers.LossScaleOptimizer(optimizer.g_optimizer)
    )
    again.build_pair(weights[1:], weights[:1])
    message = (
        "g_optimizer keeps the state of other weights, as one that another GAN was compiled with. "
        "Expected: a new optimizer. Received: '.*', built for 1 weights. Make one for every GAN"
    )
    with pytest.raises(ValueError, match=message):
        again.build_pair(weights, weights)


def test_classes_and_configs_are_optimizers_and_other_things_are_not():
    config = keras.optimizers.serialize(keras.optimizers.SGD(0.5))
    optimizer = GANOptimizer(keras.optimizers.Adam, config)
    assert isinstance(optimizer.d_optimizer, keras.optimizers.Adam)
    assert float(optimizer.g_optimizer.learning_rate) == 0.5
    for given in ("adamm", keras.layers.Dense, keras.Model, 0.1):
        with pytest.raises(ValueError, match=r"^g_optimizer is no optimizer"):
            GANOptimizer("adam", given)


@pytest.mark.parametrize("rate", [-1e-3, np.nan, np.inf])
def test_a_learning_rate_that_is_none_is_refused(rate):
    message = r"^learning_rate of d_optimizer must be a finite number >= 0\. Received: "
    with pytest.raises(ValueError, match=message):
        pair(rate)
    optimizer = pair()
    with pytest.raises(ValueError, match=r"^learning_rate must be a finite number"):
        optimizer.learning_rate = rate
    np.testing.assert_allclose(float(optimizer.learning_rate), 1e-4, rtol=1e-6)


def test_building_without_saying_whose_variables_is_refused():
    with pytest.raises(ValueError, match="Call build_pair"):
        pair().build([keras.Variable([1.0])])


@pytest.mark.parametrize("name", ["d_optimizer", "g_optimizer"])
def test_an_optimizer_is_not_replaced_once_it_has_a_state(name):
    optimizer = GANOptimizer("sgd", "adam")
    setattr(optimizer, name, keras.optimizers.SGD(0.5))
    optimizer.build_pair([keras.Variable(0.0)], [keras.Variable(0.0)])
    with pytest.raises(ValueError, match=f"^{name} cannot be replaced: .* Call compile of the GAN"):
        setattr(optimizer, name, keras.optimizers.SGD(0.0))
