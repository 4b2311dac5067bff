"""SpectralNorm: sigma, its gradient, one iteration per update, and what else must not change."""

import functools
import re
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan.constraints import WeightClip
from kgan.layers import Maxout
from kgan.layers import SpectralNorm

layers = keras.layers

# A layer, the shape of a sample, and its kernel as a matrix with a column per output.
WRAPPED = {
    "dense": (lambda: layers.Dense(6), (5,), lambda w: w),
    "conv1d": (lambda: layers.Conv1D(6, 3), (8, 4), lambda w: w.reshape(12, 6)),
    "conv2d": (lambda: layers.Conv2D(6, 3), (8, 8, 2), lambda w: w.reshape(18, 6)),
    "conv3d": (lambda: layers.Conv3D(6, 2), (4, 4, 4, 2), lambda w: w.reshape(16, 6)),
    "conv2d_transpose": (
        lambda: layers.Conv2DTranspose(6, 3),
        (8, 8, 2),
        lambda w: w.transpose(0, 1, 3, 2).reshape(18, 6),
    ),
    "depthwise_conv2d": (
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
        (8, 8, 2),
        lambda w: w.reshape(9, 4),
    ),
    "einsum_dense": (
        lambda: layers.EinsumDense("abc,dce->abde", output_shape=(None, 4, 5)),
        (7, 3),
        lambda w: w.transpose(1, 0, 2).reshape(3, 20),
    ),
    "embedding": (lambda: layers.Embedding(9, 6), (), lambda w: w),
    "maxout": (lambda: Maxout(3, pieces=2), (5,), lambda w: w),
}


def samples(shape, rows=4):
    random = np.random.default_rng(0)
    return random.normal(size=(rows, *shape)) if shape else random.integers(9, size=rows)


def built(layer, shape, **arguments):
    """A SpectralNorm around `layer`, built for samples of `shape`."""
    normalised = SpectralNorm(layer, **arguments)
    normalised.build((None, *shape))
    return normalised


def update(layer):
    """An update of the kernel that leaves it as it is."""
    keras.optimizers.SGD(0.0).apply([keras.ops.zeros_like(layer.kernel)], [layer.kernel])


def iterate(layer, times):
    """What an optimizer does to u after that many updates, without their price."""
    for _ in range(times):
        layer.kernel.constraint(layer.kernel.value)


def largest_singular_value(matrix):
    return np.linalg.svd(matrix, compute_uv=False)[0]


def with_distinct_singular_values(shape):
    """A kernel whose singular values are 2, 1, 1/2, ...: u converges by a quarter per iteration."""
    random = np.random.default_rng(1)
    left, _, right = np.linalg.svd(
        random.normal(size=(np.prod(shape[:-1]), shape[-1])), full_matrices=False
    )
    return (left * 2.0 ** (1 - np.arange(len(right))) @ right).reshape(shape)


def one_iteration(matrix, u):
    v = matrix @ u
    u = matrix.T @ (v / np.linalg.norm(v))
    return u / np.linalg.norm(u)


def sigma_of(matrix, u):
    return np.linalg.norm(matrix @ u)


@pytest.mark.parametrize("kind", WRAPPED)
def test_sigma_converges_to_the_largest_singular_value(kind):
    make, shape, matrix = WRAPPED[kind]
    layer = built(make(), shape)
    iterate(layer, times=80)
    expected = largest_singular_value(matrix(layer.kernel.numpy()))
    np.testing.assert_allclose(layer.sigma(), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", WRAPPED)
def test_the_layer_computes_with_the_normalised_kernel(kind):
    make, shape, _ = WRAPPED[kind]
    layer, plain = built(make(), shape), make()
    plain.build((None, *shape))
    kernel = layer.kernel.numpy() / float(layer.sigma())
    plain.set_weights([kernel, *(np.zeros(w.shape) for w in plain.weights[1:])])
    np.testing.assert_allclose(layer(samples(shape)), plain(samples(shape)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("initial_shape", [(3, 3, 64, 128), (4, 4, 3, 64)])
def test_the_first_sigma_is_close_to_the_largest_singular_value(initial_shape):
    layer = built(layers.Conv2D(initial_shape[-1], initial_shape[:2]), (8, 8, initial_shape[2]))
    true = largest_singular_value(layer.kernel.numpy().reshape(-1, initial_shape[-1]))
    assert 0.97 * true < float(layer.sigma()) < (1 + 1e-6) * true


def test_calls_change_neither_kernel_nor_u():
    layer = built(layers.Dense(6), (5,))
    kernel, u = layer.kernel.numpy(), layer.u.numpy()
    outputs = [layer(samples((5,)), training=training) for training in (False, True, True, False)]
    np.testing.assert_array_equal(layer.kernel, kernel)
    np.testing.assert_array_equal(layer.u, u)
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


def test_every_update_makes_one_iteration_with_the_new_kernel():
    model = keras.Sequential([keras.Input((5,)), SpectralNorm(layers.Dense(6))])
    model.compile(keras.optimizers.SGD(0.3), "mse")
    layer = model.layers[0]
    u = layer.u.numpy()
    for _ in range(3):
        before = layer.kernel.numpy()
        model.train_on_batch(samples((5,)), np.ones((4, 6)))
        kernel = layer.kernel.numpy()
        assert np.abs(kernel - before).max() > 1e-3
        u = one_iteration(kernel, u)
        np.testing.assert_allclose(layer.u, u, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(layer.sigma(), sigma_of(kernel, u), rtol=1e-5)


def test_the_layers_own_constraint_comes_first():
    layer = built(layers.Dense(6, kernel_constraint=WeightClip(0.1)), (5,))
    u = layer.u.numpy()
    update(layer)
    kernel = layer.kernel.numpy()
    assert np.abs(kernel).max() == np.float32(0.1)
    np.testing.assert_allclose(layer.u, one_iteration(kernel, u), rtol=1e-4, atol=1e-6)


def gradient_of_kernel(layer, inputs, weights):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * tf.tanh(layer(inputs)))
    return tape.gradient(loss, layer.kernel.value)


def finite_differences(function, kernel, step=1e-5):
    gradient = np.zeros_like(kernel)
    for index in np.ndindex(kernel.shape):
        change = np.zeros_like(kernel)
        change[index] = step
        gradient[index] = (function(kernel + change) - function(kernel - change)) / (2 * step)
    return gradient


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: layers.Dense(4, dtype="float64"), (5,)),
        (lambda: layers.Conv2D(3, 2, dtype="float64"), (4, 4, 2)),
    ],
    ids=["dense", "conv2d"],
)
def test_the_gradient_is_that_of_the_kernel_over_its_largest_singular_value(make, shape):
    layer, plain = built(make(), shape), make()
    layer.kernel.assign(with_distinct_singular_values(layer.kernel.shape))
    iterate(layer, times=40)
    inputs = samples(shape)
    weights = np.random.default_rng(2).normal(size=layer(inputs).shape)
    plain.build((None, *shape))

    def loss(kernel):
        matrix = kernel.reshape(-1, kernel.shape[-1])
        plain.kernel.assign(kernel / largest_singular_value(matrix))
        return float(np.sum(weights * np.tanh(plain(inputs))))

    expected = finite_differences(loss, layer.kernel.numpy())
    found = gradient_of_kernel(layer, inputs, weights)
    # Central differences with a step of 1e-5 have an error of its square.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_between_iterations_the_gradient_takes_u_and_v_for_constants():
    layer = built(layers.Dense(4, dtype="float64"), (5,))
    layer.u.assign(np.array([1.0, 0.0, 0.0, 0.0]))
    inputs = samples((5,))
    weights = np.random.default_rng(2).normal(size=(4, 4))
    kernel, u = layer.kernel.numpy(), layer.u.numpy()
    v, sigma = kernel @ u / sigma_of(kernel, u), sigma_of(kernel, u)
    # The paper's equation 12: (dL/dW' - <dL/dW', W'> v u^T) / sigma for W' = W / sigma.
    slopes = weights * (1 - np.tanh(inputs @ kernel / sigma) ** 2)
    by_normalised = inputs.T @ slopes
    expected = (by_normalised - np.sum(by_normalised * kernel / sigma) * np.outer(v, u)) / sigma
    np.testing.assert_allclose(gradient_of_kernel(layer, inputs, weights), expected, rtol=1e-9)


def penalty(hidden, last, images):
    """Mean squared norm of the gradient by the images, of a network of two layers."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = last(tf.tanh(hidden(images)))
    slopes = tape.gradient(logits, images)
    return tf.reduce_mean(tf.reduce_sum(slopes**2, axis=1))


@pytest.mark.parametrize(
    "jit_compile",
    [
        pytest.param(None, marks=pytest.mark.slow, id="eager"),
        pytest.param(False, marks=pytest.mark.slow, id="graph"),
        pytest.param(True, id="xla", marks=pytest.mark.slow),
    ],
)
def test_the_gradient_of_a_gradient_penalty_passes_through_sigma(jit_compile):
    make = [lambda: layers.Dense(4, dtype="float64"), lambda: layers.Dense(1, dtype="float64")]
    hidden, last = built(make[0](), (5,)), built(make[1](), (4,))
    hidden.kernel.assign(with_distinct_singular_values((5, 4)))
    iterate(hidden, times=40)
    plain = make[0]()
    plain.build((None, 5))
    images = tf.constant(samples((5,)))

    def gradient():
        with tf.GradientTape() as tape:
            loss = penalty(hidden, last, images)
        return tape.gradient(loss, [hidden.kernel.value, last.kernel.value])

    def loss(kernel):
        plain.kernel.assign(kernel / largest_singular_value(kernel))
        return float(penalty(plain, last, images))

    compiled = gradient if jit_compile is None else tf.function(gradient, jit_compile=jit_compile)
    by_hidden, by_last = compiled()
    expected = finite_differences(loss, hidden.kernel.numpy())
    np.testing.assert_allclose(by_hidden, expected, rtol=1e-6, atol=1e-8)
    # w / |w| does not change with the length of w, so the gradient is at right angles to w.
    assert np.linalg.norm(by_last) > 1e-3
    np.testing.assert_allclose(np.sum(by_last * last.kernel.numpy()), 0.0, atol=1e-12)


def test_a_kernel_of_zeros_gives_zeros_and_can_be_trained():
    layer = built(layers.Dense(3, kernel_initializer="zeros"), (5,))
    np.testing.assert_array_equal(layer(samples((5,))), np.zeros((4, 3)))
    update(layer)
    optimizer = keras.optimizers.SGD(0.1)
    gradient = gradient_of_kernel(layer, samples((5,)), np.ones((4, 3), "float32"))
    assert np.isfinite(gradient).all()
    optimizer.apply([gradient], [layer.kernel])
    kernel = layer.kernel.numpy()
    # One iteration finds the only singular value of a matrix of rank 1, as this gradient is.
    np.testing.assert_allclose(layer.sigma(), largest_singular_value(kernel), rtol=1e-5)


def test_an_average_of_several_u_serves_as_one_of_length_1():
    layer = built(layers.Dense(6), (5,))
    sigma = float(layer.sigma())
    layer.u.assign(0.5 * layer.u)
    np.testing.assert_allclose(layer.sigma(), sigma, rtol=1e-6)


def test_config_round_trip():
    layer = SpectralNorm(layers.Conv2D(6, 3, strides=2), name="first")
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()
    assert config["registered_name"] == "kgan>SpectralNorm"


def fitted(**compile_arguments):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            SpectralNorm(layers.Conv2D(4, 3, strides=2)),
            layers.LeakyReLU(),
            layers.Flatten(),
            SpectralNorm(layers.Dense(1)),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", **compile_arguments)
    fit(model)
    return model


def fit(model):
    model.fit(samples((8, 8, 1), 24), np.ones((24, 1)), batch_size=4, shuffle=False, verbose=0)


@functools.cache
def weights_in_graph():
    return fitted(jit_compile=False).get_weights()


@pytest.mark.slow
def test_a_saved_model_goes_on_as_if_it_had_not_been_saved(tmp_path):
    model = fitted()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for _ in range(2):
        assert any(weight.name == "u" for weight in loaded.weights)
        for weight, expected in zip(loaded.weights, model.weights, strict=True):
            np.testing.assert_array_equal(weight, expected, err_msg=weight.path)
        fit(model)
        fit(loaded)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"jit_compile": True}, id="xla", marks=pytest.mark.slow),
        pytest.param({"run_eagerly": True}, marks=pytest.mark.slow, id="eager"),
        pytest.param({"steps_per_execution": 3}, id="several_steps"),
    ],
)
def test_every_way_to_execute_gives_the_same_weights(arguments):
    expected = weights_in_graph()
    for weight, value in zip(fitted(**arguments).weights, expected, strict=True):
        # Compilers round differently.
        np.testing.assert_allclose(weight, value, rtol=1e-4, atol=1e-5, err_msg=weight.path)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_16_bit_layers_keep_sigma_in_float32(policy):
    layer, exact = built(layers.Dense(6, dtype=policy), (5,)), built(layers.Dense(6), (5,))
    exact.set_weights(layer.get_weights())
    assert [weight.dtype for weight in layer.weights] == ["float32"] * 3
    np.testing.assert_array_equal(layer.sigma(), exact.sigma())
    plain = layers.Dense(6, dtype=policy)
    plain.build((None, 5))
    plain.set_weights([exact.normalised_kernel(), np.zeros(6)])
    output = layer(samples((5,)))
    assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(np.float32(output), np.float32(plain(samples((5,)))))
    # The same inside a model, whose own casting is around the call.
    model = keras.Sequential([keras.Input((5,)), layer])
    model.dtype_policy = policy
    assert model.outputs[0].dtype == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(np.float32(model(samples((5,)))), np.float32(output))


def test_16_bit_inputs_reach_the_layer_as_they_are():
    layer = built(layers.Dense(6, dtype="mixed_float16"), (5,))
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec((4, 5), tf.float16)).graph
    assert [operation.type for operation in graph.inputs[0].consumers()] == ["MatMul"]


def test_a_skipped_update_makes_no_iteration():
    layer = built(layers.Dense(6), (5,))
    u = layer.u.numpy()
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.0))
    optimizer.apply([keras.ops.full((5, 6), np.inf)], [layer.kernel])
    np.testing.assert_array_equal(layer.u, u)
    optimizer.apply([keras.ops.zeros((5, 6))], [layer.kernel])
    np.testing.assert_allclose(layer.u, one_iteration(layer.kernel.numpy(), u), rtol=1e-4)


def make_gan(**compile_arguments):
    keras.utils.set_random_seed(0)
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(5, activation="tanh")])
    discriminator = keras.Sequential(
        [keras.Input((5,)), SpectralNorm(layers.Dense(6)), layers.ReLU(), layers.Dense(1)]
    )
    gan = kgan.GAN(generator, discriminator, latent_dim=3, seed=0)
    gan.compile(g_optimizer=keras.optimizers.SGD(0.1), **compile_arguments)
    return gan, discriminator.layers[0]


def test_a_gan_makes_an_iteration_per_discriminator_step():
    gan, layer = make_gan(d_optimizer=keras.optimizers.SGD(0.0), discriminator_steps=3)
    # Singular values this close, and u this far: one iteration more or less is seen.
    kernel, u = np.eye(5, 6) * np.linspace(1.0, 0.8, 6), np.full(6, 6**-0.5)
    layer.kernel.assign(kernel)
    layer.u.assign(u)
    for _ in range(2):
        gan.train_on_batch(np.clip(samples((5,), 6), -1, 1).astype("float32"))
        for _ in range(3):
            u = one_iteration(kernel, u)
        np.testing.assert_allclose(layer.u, u, rtol=1e-4, atol=1e-6)


def test_all_calls_between_two_updates_see_one_sigma(monkeypatch):
    gan, layer = make_gan(
        d_optimizer=keras.optimizers.SGD(0.5), discriminator_steps=2, run_eagerly=True
    )
    seen = []
    normalised_kernel = layer.normalised_kernel

    def spy():
        seen.append((float(layer.sigma()), sigma_of(layer.kernel.numpy(), layer.u.numpy())))
        return normalised_kernel()

    monkeypatch.setattr(layer, "normalised_kernel", spy)
    gan.train_on_batch(np.clip(samples((5,), 4), -1, 1).astype("float32"))
    # Reals and fakes of the first step, of the second, and the generator's fakes.
    first, fakes, second, second_fakes, generators = (sigma for sigma, _ in seen)
    assert first == fakes
    assert second == second_fakes
    assert len({first, second, generators}) == 3
    for sigma, expected in seen:
        np.testing.assert_allclose(sigma, expected, rtol=1e-5)


TWO_REPLICAS = """
    import keras, numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import kgan
    from kgan.layers import MinibatchStdDev, SpectralNorm
    from keras import layers

    def run(strategy):
        keras.utils.set_random_seed(1)
        with strategy.scope():
            generator = keras.Sequential(
                [keras.Input((3,)), SpectralNorm(layers.Dense(64, activation="tanh")),
                 layers.Reshape((8, 8, 1))])
            discriminator = keras.Sequential(
                [SpectralNorm(layers.Conv2D(4, 4, 2)), layers.LeakyReLU(), MinibatchStdDev(2),
                 layers.Flatten(), SpectralNorm(layers.Dense(1))])
            gan = kgan.GAN(generator, discriminator, 3, ema_halflife_images=20, seed=5)
            # With it the update, and the iteration in it, is one branch of a condition.
            scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1, momentum=0.5))
            gan.compile(scaled, keras.optimizers.SGD(0.2), discriminator_steps=2)
        images = np.random.default_rng(0).uniform(-1, 1, (24, 8, 8, 1)).astype("float32")
        batches = tf.data.Dataset.from_tensor_slices(images).batch(8, drop_remainder=True)
        gan.fit(batches, verbose=0)
        assert sum(weight.name == "u" for weight in gan.weights) == 4
        return gan.weights

    one = run(tf.distribute.get_strategy())
    two = run(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    for a, b in zip(one, two, strict=True):
        # The values of both replicas, or the only one of a metric or counter.
        for value in getattr(b.value, "values", [b.value]):
            np.testing.assert_allclose(a.numpy(), value.numpy(), rtol=1e-5, atol=1e-6)
"""


@pytest.mark.slow
def test_two_replicas_take_the_steps_of_one_device(forks, tmp_path):
    # In a process of its own: logical devices can only be made before TensorFlow starts.
    script = tmp_path / "two_replicas.py"
    script.write_text(textwrap.dedent(TWO_REPLICAS))
    done = forks.run(script)
    assert done.returncode == 0, done.stderr[-3000:]


@keras.saving.register_keras_serializable("kgan_tests")
class CountingDense(layers.Dense):
    """A dense layer that counts its calls and has a loss of its own."""

    def build(self, input_shape):
        super().build(input_shape)
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, inputs):
        self.count.assign_add(1)
        self.add_loss(keras.ops.sum(inputs))
        return super().call(inputs)


def test_state_and_losses_of_the_layer_are_kept():
    layer = built(CountingDense(3), (5,))
    for _ in range(2):
        layer(np.ones((1, 5)))
    assert int(layer.layer.count) == 2
    assert [float(loss) for loss in layer.losses] == [5.0]


def test_a_stateless_call_computes_with_the_weights_it_is_given():
    model = keras.Sequential([keras.Input((5,)), SpectralNorm(CountingDense(3))])
    kernel, bias = (weight.value for weight in model.trainable_variables)
    u = model.layers[0].u.value
    inputs = samples((5,)).astype("float32")
    expected = np.array(model(inputs))
    (outputs, changed) = model.stateless_call([7 * kernel, bias + 1], [u, 10.0], inputs)
    # The kernel's length does not matter, its bias does.
    np.testing.assert_allclose(outputs, expected + 1, rtol=1e-5, atol=1e-6)
    assert float(changed[1]) == 11.0
    assert int(model.layers[0].layer.count) == 1


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (layers.ReLU(name="relu"), "ReLU 'relu' with none"),
        (
            layers.SeparableConv2D(3, 2, name="pair"),
            "SeparableConv2D 'pair' with norm/pair/depthwise_kernel, norm/pair/pointwise_kernel",
        ),
    ],
)
def test_a_layer_without_one_kernel_is_refused(layer, found):
    message = (
        "SpectralNorm needs a layer with one kernel: a weight named 'kernel', '..._kernel' or "
        f"'embeddings'. Received: {found}. Wrap layers with one kernel each."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        built(layer, (4, 4, 2), name="norm")


def test_a_model_in_place_of_a_layer_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="pair")
    message = (
        "SpectralNorm wraps one layer. Received: the model 'pair'. Wrap the layers in it, each "
        "with its own."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SpectralNorm(model)


def test_a_layer_that_is_not_built_says_so():
    layer = SpectralNorm(keras.layers.Dense(2, name="late"))
    message = "The layer 'late' under SpectralNorm is not built yet and has no kernel."
    with pytest.raises(ValueError, match=re.escape(message)):
        _ = layer.kernel
