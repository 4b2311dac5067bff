"""The weights of one GAN for another, for other data or other classes."""

import re

import keras
from keras import ops

from kgan.gan import averaging


def transfer_weights(source: keras.Model, gan: keras.Model) -> list[str]:
    """Let a GAN begin with the weights of a trained one: fine-tuning.

    Weights are found by the names of their layers, numbers that Keras has counted on left out, and
    are taken where the shapes agree. So an embedding of labels keeps its new values where the
    number of classes is another. Of the generator's first kernel the rows of the latents are taken
    also where only one of the two has classes. The generator begins as the trained one, and its
    moving average, if it has one, as the trained average, or the trained generator where there is
    none. Batch-norm statistics go with their layers; optimizers, random states and `images_seen`
    stay those of a new GAN.

    Args:
        source: the trained `kgan.GAN`.
        gan: `kgan.GAN` for images of the same shape and latents of the same width, with networks
            of the same family and width.

    Returns:
        List of str, the weights not taken, such as "generator label_embedding/embeddings".

    Raises:
        ValueError: if images or latents have another shape, or the networks have no kernel in
            common.

    Example:
        >>> gan.save("gan.keras")
        >>> tuned = kgan.GAN(
        ...     kgan.models.small_mlp_generator((28, 28, 1), 64, width=4, num_classes=3),
        ...     kgan.models.small_mlp_discriminator((28, 28, 1), width=4, num_classes=3),
        ...     latent_dim=64, num_classes=3)
        >>> kgan.transfer_weights(keras.saving.load_model("gan.keras"), tuned)
        ['generator label_embedding/embeddings', 'discriminator label_embedding/embeddings']

    Reference:
        Wang et al. 2018, Transferring GANs, arXiv 1805.01677: both networks are taken.
    """
    _check(source, gan)
    left = []
    for role in ("generator", "discriminator"):
        left += _transfer(getattr(source, role), getattr(gan, role), role, gan.latent_dim)
    if gan.ema_generator is not None:
        _transfer(source.sampling_generator(), gan.ema_generator, "average", gan.latent_dim)
        averaging.set_by_hand(gan)
    return left


def _check(source, gan) -> None:
    shapes = tuple(source.image_shape), tuple(gan.image_shape)
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"The trained GAN makes images {shapes[0]}, and the new one is for images {shapes[1]}: "
            "its layers have other shapes. Bring the data to the shape of the trained one "
            f"(image_size={shapes[0][:2]}, channels={shapes[0][-1]} in kgan.data), or train from "
            "the beginning."
        )
    if source.latent_dim != gan.latent_dim:
        raise ValueError(
            f"The trained generator takes latents of width {source.latent_dim}. Expected: a GAN "
            f"with latent_dim={source.latent_dim}. Received: latent_dim={gan.latent_dim}."
        )


def _transfer(source, network, role: str, latent_dim: int) -> list[str]:
    """Take what fits, and name what does not."""
    found, left, kernels = _by_name(source), [], 0
    for name, weight in _by_name(network).items():
        value = None if name not in found else ops.convert_to_numpy(found[name])
        is_kernel = len(weight.shape) > 1 and "embedding" not in weight.path
        if value is not None and value.shape != tuple(weight.shape):
            shapes = value.shape, tuple(weight.shape)
            # The latents come first, and a label's embedding may follow.
            is_first = is_kernel and role != "discriminator" and shapes[0][1:] == shapes[1][1:]
            if is_first and min(shapes)[0] == latent_dim:
                whole = ops.convert_to_numpy(weight).copy()
                whole[:latent_dim] = value[:latent_dim]
                value = whole
            else:
                value = None
        if value is None:
            left.append(f"{role} {weight.path}")
        else:
            weight.assign(value)
            kernels += is_kernel
    if not kernels:
        raise ValueError(
            f"The {role} has no kernel in common with the trained one. Expected: networks of the "
            f"same family and width. Received: {_kernels(network)}, and in the trained one "
            f"{_kernels(source)}. Build the networks as the trained ones were."
        )
    return left


def _by_name(network) -> dict:
    """The weights of a network by the paths of their layers, without what Keras has counted."""
    found = {}
    for weight in network.weights:
        path = re.sub(r"_\d+", "", weight.path)
        found[path, sum(other == path for other, _ in found)] = weight
    return found


def _kernels(network) -> str:
    shown = [f"{w.path} {tuple(w.shape)}" for w in network.weights if len(w.shape) > 1]
    return ", ".join(shown[:2]) + ", ..." * (len(shown) > 2)
