"""Both ends of a network: inputs, with labels or without, and what the last layers compute in."""

import keras
from keras import layers

from kgan._utils.checks import check_positive_integer


def generator_inputs(latent_dim: int, num_classes: int | None, *, initializer="uniform") -> tuple:
    """The inputs of a generator, and what its first layer takes.

    Args:
        latent_dim: int, width of the latents.
        num_classes: int, or None without labels.
        initializer: of the embedding. Default: Keras' small values.

    Returns:
        (inputs for `keras.Model`, tensor (batch, features)): the latents, followed by an embedding
        of the label as wide as the latents where there are classes.
    """
    latent_dim = check_positive_integer("latent_dim", latent_dim)
    latents = keras.Input((latent_dim,), name="latents")
    if num_classes is None:
        return latents, latents
    num_classes = check_positive_integer("num_classes", num_classes)
    labels = label_input()
    # Keras' small initial values, +-0.05: with values as large as the latents' the label alone
    # shapes the image and every class collapses onto one picture.
    embed = layers.Embedding(
        num_classes, latent_dim, embeddings_initializer=initializer, name="label_embedding"
    )
    joined = layers.Concatenate(name="latents_and_label")([latents, embed(labels)])
    return [latents, labels], joined


def label_input():
    """The input of the labels: Keras input of integers (batch,)."""
    return keras.Input((), dtype="int32", name="labels")


def discriminator_head(
    images,
    features,
    num_classes: int | None,
    weight_constraint,
    wrap=lambda layer: layer,
    *,
    name: str = "discriminator",
    label_initializer="uniform",
    has_psi: bool = True,
    **dense,
) -> keras.Model:
    """End a discriminator: logits, with a projection of the label where there are classes.

    The logit is psi(phi) + embed(label) . phi, with phi the features and psi linear.

    Args:
        images: keras input of the images.
        features: tensor (batch, features), phi of the images.
        num_classes: int, or None without labels.
        weight_constraint: constraint on the head's weights, or None.
        wrap: function of a layer with a kernel, to the layer in its place, for example one under
            `kgan.layers.SpectralNorm`. Default: the layer itself.
        name: str, of the model.
        label_initializer: of the embedding. Default: Keras' small values.
        has_psi: bool, whether there is a psi beside the projection. Default True.
        **dense: further arguments of the last `keras.layers.Dense`.

    Returns:
        Keras model of images, or [images, labels], to logits (batch, 1), in float32.

    Reference:
        Miyato and Koyama 2018, cGANs with Projection Discriminator, arXiv 1802.05637, section 3.
    """
    constraints = {"kernel_constraint": weight_constraint, "bias_constraint": weight_constraint}
    if num_classes is None or has_psi:
        psi = layers.Dense(1, dtype=output_dtype(), name="logits", **constraints, **dense)
        logits = wrap(psi)(features)
    if num_classes is None:
        return keras.Model(images, logits, name=name)
    num_classes = check_positive_integer("num_classes", num_classes)
    labels = label_input()
    embed = layers.Embedding(
        num_classes,
        features.shape[-1],
        embeddings_initializer=label_initializer,
        embeddings_constraint=weight_constraint,
        name="label_embedding",
    )
    dot = layers.Dot(axes=-1, dtype=output_dtype(), name="projection")
    projection = dot([wrap(embed)(labels), features])
    if not has_psi:
        return keras.Model([images, labels], projection, name=name)
    logits = layers.Add(dtype=output_dtype(), name="conditional_logits")([logits, projection])
    return keras.Model([images, labels], logits, name=name)


def output_dtype() -> str:
    """The dtype of images and logits, whatever the layers before them compute in.

    Returns:
        "float32", also under a 16-bit policy, in which a pixel has too few shades and a logit too
        few digits; "float64" where Keras is set to compute in it.
    """
    return keras.backend.result_type(keras.config.dtype_policy().compute_dtype, "float32")
