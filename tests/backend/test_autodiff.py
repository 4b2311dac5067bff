"""Gradient tapes and compiled functions."""

import inspect

import keras
import tensorflow as tf

from kgan.backend import autodiff


def test_gradients_are_those_of_the_scalar_and_others_pass_through():
    x, y = keras.Variable(3.0), keras.Variable(2.0)
    others, gradients = autodiff.value_and_gradients(lambda: (x * x * y, "others"), [x, y])
    assert others == "others"
    # d(x^2 y)/dx = 2xy, d(x^2 y)/dy = x^2
    assert [float(gradient) for gradient in gradients] == [12.0, 9.0]


def test_a_pullback_takes_gradients_back_to_the_variables():
    x, y, z = keras.Variable(3.0), keras.Variable(2.0), keras.Variable(1.0)
    (square, product), pullback = autodiff.value_and_pullback(lambda: (x * x, x * y), [x, y, z])
    assert (float(square), float(product)) == (9.0, 6.0)
    # What was recorded is what counts.
    x.assign(100.0)
    # 10 d(x^2)/dx + 4 d(xy)/dx, 4 d(xy)/dy
    gradients = pullback([tf.constant(10.0), tf.constant(4.0)])
    assert [None if g is None else float(g) for g in gradients] == [68.0, 12.0, None]
    _, pullback = autodiff.value_and_pullback(lambda: (y * x, y * y), [x, y])
    assert [None if g is None else float(g) for g in pullback([None, None])] == [None, None]


def test_gradients_through_what_was_made_before_are_added_to_those_of_the_objective():
    x, y, z = keras.Variable(3.0), keras.Variable(2.0), keras.Variable(5.0)
    made, pullback = autodiff.value_and_pullback(lambda: (x * x, y + 0), [x, y, z])
    others, gradients = autodiff.value_and_gradients(
        lambda: (made[0] * x * z, "others"), [x, y, z], (made, pullback)
    )
    assert others == "others"
    # d(x^2 x z)/dx = 3 x^2 z, nothing by y, x^3 by z
    assert [None if g is None else float(g) for g in gradients] == [135.0, None, 27.0]


def test_a_compiled_function_is_the_function_and_sees_new_values_of_variables():
    calls, x = [], keras.Variable(3.0)

    def product(factor):
        calls.append(inspect.currentframe().f_code.co_filename)
        return factor * x * x

    square = autodiff.compiled(product)
    assert float(square(tf.constant(2.0))) == 18.0
    x.assign(4.0)
    assert float(square(tf.constant(1.0))) == 16.0
    # Traced once, Python did not run a second time, and as it is written, not as AutoGraph has it.
    assert calls == [__file__]


def test_input_gradients_are_those_of_each_row_and_have_gradients_themselves():
    weight = tf.Variable(3.0)
    x = tf.constant([[1.0], [2.0]])
    with tf.GradientTape() as tape:
        # d(w x^3)/dx = 3 w x^2
        gradients = autodiff.input_gradients(lambda rows: weight * rows**3, x)
    assert gradients.numpy().tolist() == [[9.0], [36.0]]
    # and by w, summed over the rows: 3 (1 + 4)
    assert float(tape.gradient(gradients, weight)) == 15.0


def test_repeated_steps_are_compiled_once_and_taken_as_often_as_asked():
    count, traces = keras.Variable(0, dtype="int32"), []

    def step():
        traces.append(inspect.currentframe().f_code.co_filename)
        count.assign(count + 1)

    many_steps = autodiff.repeated(step)
    for times in (1, 5, 0, 4):
        many_steps(times)
    assert int(count) == 10
    assert traces == [__file__]
