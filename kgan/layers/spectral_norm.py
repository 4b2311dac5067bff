"""Spectral normalisation of any layer with a kernel."""

import math
from typing import Any

import keras
import numpy as np
from keras import layers
from keras import ops

# Once, from a random vector, on the initial kernel. Sigma of a random kernel is then a few
# percent too small at most; after one iteration alone it would be about 20 %.
_FIRST_ITERATIONS = 20

_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)


class _AfterUpdate(keras.constraints.Constraint):
    """A function as a constraint: Keras before 3.15 takes nothing else for one."""

    def __init__(self, function):
        self._function = function

    def __call__(self, w):
        return self._function(w)


@keras.saving.register_keras_serializable("kgan")
class SpectralNorm(layers.Wrapper):
    """Let a layer compute with W / sigma(W), its kernel over the kernel's largest singular value.

    The kernel is read as a matrix W with a column per output channel. With the saved unit vector u,

        v = W u / |W u|                 sigma = v^T W u,
        u <- W^T v / |W^T v|            once after each update of the kernel.

    W itself is never changed: optimizers, regularizers and files see the kernel as it is, and the
    gradient passes through W / sigma(W) with u and v constant. Between two updates every call sees
    the same sigma, in training and in inference: reals, fakes, penalties and the generator's step
    all meet one discriminator. Sigma is computed in float32 whatever the layer computes in.

    The iteration hangs on the kernel as a constraint, which Keras' optimizers apply after they have
    updated it; the layer's own constraint goes first. Whoever assigns the kernel in another way has
    to assign u too. The paper iterates just before an update where this does just after, as often,
    and takes v from before the last step of u where this takes it from after: half an iteration
    further. And u does not start at random, but 20 iterations from there.

    `keras.layers.SpectralNormalization` is another thing: it overwrites the kernel at every call in
    training, passes no gradient through sigma, and normalises nothing in inference.

    A plain Keras model must be built before a `fit` with jit_compile=True, since XLA cannot make u
    from a kernel that does not exist yet. `kgan.GAN` builds its networks itself.

    Args:
        layer: keras layer with one kernel: dense, convolution of any kind, `EinsumDense`,
            `Embedding`, `kgan.layers.Maxout`, ... A transposed convolution gets a column per output
            channel like the others, a depthwise one for each of its outputs. Its dtype policy is
            that of the whole.

    Raises:
        ValueError: for a model in place of a layer; when built, if the layer has no kernel, or
            several as `SeparableConv2D` has.

    Example:
        >>> layer = kgan.layers.SpectralNorm(keras.layers.Conv2D(64, 3, padding="same"))
        >>> layer(ops.zeros((8, 28, 28, 1))).shape
        TensorShape([8, 28, 28, 64])

    Reference:
        Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks,
        arXiv 1802.05957, equations 19 to 23.
    """

    def __init__(self, layer: keras.Layer, **kwargs: Any):
        if isinstance(layer, keras.Model):
            raise ValueError(
                "SpectralNorm wraps one layer. "
                f"Received: the model {layer.name!r}. Wrap the layers in it, each with its own."
            )
        # With a mixed policy Keras would cast the kernel before sigma is computed of it, and with
        # autocast the inputs, which the layer casts as it needs them.
        kwargs["dtype"] = getattr(layer, "variable_dtype", None)
        super().__init__(layer, autocast=False, **kwargs)

    def build(self, input_shape=None):
        super().build(input_shape)
        kernel = self.kernel
        self.u = self.add_weight(
            shape=(self._num_columns(),),
            initializer=self._first_u,
            dtype=keras.backend.result_type(kernel.dtype, "float32"),
            trainable=False,
            name="u",
        )
        self._layers_constraint = kernel.constraint
        kernel.constraint = _AfterUpdate(self._after_update)

    @property
    def kernel(self):
        """The layer's kernel W as it is trained and saved, a Keras variable."""
        if not self.layer.built:
            raise ValueError(
                f"The layer {self.layer.name!r} under SpectralNorm is not built yet and has no "
                "kernel. Call the model or its build() first."
            )
        kernels = [
            weight
            for weight in self.layer.weights
            if weight.name == "embeddings" or weight.name.endswith("kernel")
        ]
        if len(kernels) != 1:
            found = ", ".join(weight.path for weight in kernels) or "none"
            raise ValueError(
                "SpectralNorm needs a layer with one kernel: a weight named 'kernel', "
                "'..._kernel' or 'embeddings'. "
                f"Received: {type(self.layer).__name__} {self.layer.name!r} with {found}. "
                "Wrap layers with one kernel each."
            )
        return kernels[0]

    def sigma(self):
        """The largest singular value of the kernel, as far as u knows it.

        Returns:
            Scalar tensor, > 0, never above the true value; 1 for a kernel that is zero.
        """
        # Not of length 1 where an average of weights was taken over several u.
        u = ops.stop_gradient(_unit(self.u.value))
        product = ops.matmul(self._matrix(self.kernel), u)
        sigma = ops.sum(ops.stop_gradient(_unit(product)) * product)
        return ops.where(sigma > 0, sigma, ops.ones_like(sigma))

    def normalised_kernel(self):
        """W / sigma(W), with which the layer computes.

        Returns:
            Tensor of the kernel's shape, float32 (float64 for a float64 kernel).
        """
        return ops.cast(self.kernel.value, self.u.dtype) / self.sigma()

    def call(self, inputs):
        kernel = self.kernel
        # All of the layer's state, since this scope hides any scope around it.
        state = [(weight, weight.value) for weight in self.layer.variables if weight is not kernel]
        mapping = [(kernel, self.normalised_kernel()), *state]
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            before = [scope.get_current_value(weight) for weight, _ in state]
            outputs = self.layer(inputs)
        if scope.losses:
            self.add_loss(scope.losses)
        # A seed that was drawn from, a statistic that moved.
        for (weight, _), old in zip(state, before, strict=True):
            new = scope.get_current_value(weight)
            if new is not old:
                weight.assign(new)
        return outputs

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def compute_output_spec(self, inputs):
        return self.layer.compute_output_spec(inputs)

    def _after_update(self, kernel):
        if self._layers_constraint is not None:
            kernel = self._layers_constraint(kernel)
        self.u.assign(_power_iteration(self._matrix(kernel), self.u.value))
        return kernel

    def _first_u(self, shape, dtype):
        # In NumPy: so many small operations take Keras a hundred times as long.
        matrix = ops.convert_to_numpy(self._matrix(self.kernel))
        # A literal seed: the same u on every replica and in every process.
        u = ops.convert_to_numpy(keras.random.normal(shape, dtype=dtype, seed=0))
        for _ in range(_FIRST_ITERATIONS):
            product = (matrix @ u) @ matrix
            # As in every iteration, a kernel of zeros leaves u as it is.
            u = product / np.linalg.norm(product) if product.any() else u
        return ops.convert_to_tensor(u, dtype=dtype)

    def _matrix(self, kernel):
        """The kernel with its output axes last, as (the rest, outputs)."""
        columns = self._output_axes()
        rows = [axis for axis in range(len(kernel.shape)) if axis not in columns]
        values = ops.cast(kernel, keras.backend.result_type(kernel.dtype, "float32"))
        return ops.reshape(ops.transpose(values, rows + columns), (-1, self._num_columns()))

    def _num_columns(self) -> int:
        return math.prod(self.kernel.shape[axis] for axis in self._output_axes())

    def _output_axes(self) -> list[int]:
        last = len(self.kernel.shape) - 1
        if isinstance(self.layer, _TRANSPOSED):
            return [last - 1]
        if isinstance(self.layer, _DEPTHWISE):
            return [last - 1, last]
        if isinstance(self.layer, layers.EinsumDense):
            inputs, outputs = self.layer.equation.split("->")
            letters = inputs.split(",")[1].strip()
            return [axis for axis, letter in enumerate(letters) if letter in outputs]
        return [last]


def _power_iteration(matrix, u):
    v = _unit(ops.matmul(matrix, u))
    product = ops.matmul(v, matrix)
    # A kernel of zeros has no direction: u waits for one that has.
    return ops.where(ops.any(product != 0), _unit(product), u)


def _unit(vector):
    length = ops.norm(vector)
    return vector / ops.where(length > 0, length, ops.ones_like(length))
