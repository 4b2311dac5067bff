"""What can be known to be wrong with two networks before they are trained.

Every check says what is wrong, what was expected, what was received, and the remedy.
"""

import keras

from kgan.sampling import network_inputs


def check_networks(gan) -> tuple:
    """Check that the two networks of a GAN fit each other, the latents and the labels.

    Args:
        gan: `kgan.GAN` with `generator`, `discriminator` and what they are conditioned on.

    Returns:
        The shape of one image, without the batch.

    Raises:
        ValueError: if a network does not take what it would be given, if the discriminator ends in
            a sigmoid, or if a network has losses of its own.
    """
    latents = keras.KerasTensor((None, gan.latent_dim), dtype="float32")
    labels = None
    if gan.num_classes is not None:
        labels = keras.KerasTensor((None,), dtype="int32")
    if gan.condition_shape is not None:
        labels = keras.KerasTensor((None, *gan.condition_shape), dtype="float32")

    def generate(latents, labels):
        return gan.generator(network_inputs(latents, labels))

    images = _output("generator", gan.generator, generate, "latents", latents, labels)
    _output("discriminator", gan.discriminator, gan.discriminate, "images", images, labels)
    for role, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        if network.losses:
            raise ValueError(
                f"The {role} {network.name!r} has {len(network.losses)} losses of its own (layers "
                "with kernel_regularizer=, activity_regularizer= or add_loss), which a GAN would "
                "silently leave out. Remove them, or use the optimizer's weight_decay= in their "
                "place."
            )
        for layer in map(_unwrapped, network.layers if gan.num_classes else ()):
            if isinstance(layer, keras.layers.Embedding) and layer.input_dim < gan.num_classes:
                raise ValueError(
                    f"The {role} {network.name!r} embeds {layer.input_dim} classes (in the layer "
                    f"{layer.name!r}). Expected: at least num_classes={gan.num_classes}. Build it "
                    f"with num_classes={gan.num_classes}."
                )
    _check_logits(gan.discriminator)
    return tuple(images.shape[1:])


def _output(role: str, network, call, name: str, samples, labels):
    """What a network makes of symbolic samples, and of labels where there are some."""
    expected = f"{name} of shape {samples.shape}"
    if labels is not None:
        expected = f"[{name} {samples.shape}, labels {labels.shape}]"
    if not isinstance(network, keras.Model):
        raise ValueError(
            f"The {role} must be a keras.Model of {expected}. Received: {network!r}. "
            "Wrap layers and functions in keras.Sequential or keras.Model."
        )
    try:
        output = call(samples, labels)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        received = getattr(network, "input_shape", None) or "inputs of another kind"
        raise ValueError(
            f"The {role} {network.name!r} does not fit. Expected: a model of {expected}. "
            f"Received: a model of {received}. Make latent_dim, num_classes and the image shape "
            "the same in generator, discriminator and GAN."
        ) from error
    if not isinstance(output, keras.KerasTensor):
        raise ValueError(
            f"The {role} {network.name!r} must return one tensor. "
            f"Received: a {type(output).__name__}. Make a keras.Model of the part that is needed."
        )
    return output


def _check_logits(discriminator) -> None:
    # A subclassed model does not tell which of its layers is the last.
    known = isinstance(discriminator, keras.Sequential) or getattr(discriminator, "outputs", None)
    last = _unwrapped(discriminator.layers[-1]) if known and discriminator.layers else None
    if getattr(last, "activation", None) is keras.activations.sigmoid:
        raise ValueError(
            f"The discriminator's last layer, {last.name!r}, applies a sigmoid. Every kgan loss "
            "works on logits and applies its own sigmoid where the paper has one; a second one "
            "would flatten the gradients. Remove activation='sigmoid'."
        )


def _unwrapped(layer):
    """The layer inside a wrapper such as `kgan.layers.SpectralNorm`, else the layer itself."""
    return layer.layer if isinstance(layer, keras.layers.Wrapper) else layer
