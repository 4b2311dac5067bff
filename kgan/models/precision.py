"""In what the networks' last layers compute."""

import keras


def output_dtype() -> str:
    """The dtype of images and logits, whatever the layers before them compute in.

    Returns:
        "float32", also under a 16-bit policy, in which a pixel has too few shades and a logit too
        few digits; "float64" where Keras is set to compute in it.
    """
    return keras.backend.result_type(keras.config.dtype_policy().compute_dtype, "float32")
