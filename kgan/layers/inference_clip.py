"""The range of images, kept where they are used and not where they are learned."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kgan")
class InferenceClip(keras.layers.Layer):
    """Clip to [-1, 1] in inference; in training leave everything as it is.

    For a generator that ends linear. In training a clip would cut the gradients of the pixels
    beyond the range, which are those that have to come back; samples, measures, exports and servers
    are promised images in [-1, 1].

    Example:
        >>> layer = kgan.layers.InferenceClip()
        >>> values = np.array([[-3.0, 0.5]], "float32")
        >>> layer(values).numpy().tolist(), layer(values, training=True).numpy().tolist()
        ([[-1.0, 0.5]], [[-3.0, 0.5]])
    """

    def call(self, inputs, training=False):
        return inputs if training else ops.clip(inputs, -1.0, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape
