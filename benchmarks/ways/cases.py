"""What peers.py times: the networks, the ways to train them, and how often a step runs a layer."""

import time
from typing import Any
from typing import NamedTuple


class Case(NamedTuple):
    """Networks to train, and on what.

    Attributes:
        title: what a table is headed with.
        networks: which pair: "guide", "dcgan", "mlp" or "small_mlp".
        image_shape: (height, width, channels).
        latent_dim: width of the latents.
        batch_size: real images a step.
        width: as in kgan.models, where the pair has one.
        penalties: whether the discriminator is under R1 and R2, and then without batch norm.
        steps_per_execution: as in `compile`.
    """

    title: str
    networks: str
    image_shape: tuple[int, int, int]
    latent_dim: int
    batch_size: int
    width: int = 0
    penalties: bool = False
    steps_per_execution: int = 1


CASES = {
    "a": Case("a: keras.io's DCGAN, 28x28, batch 32", "guide", (28, 28, 1), 128, 32),
    "b": Case("b: kgan's DCGAN, 28x28, width 32, batch 32", "dcgan", (28, 28, 1), 64, 32, 32),
    "c": Case("c: kgan's DCGAN, 64x64 RGB, width 64, batch 16", "dcgan", (64, 64, 3), 100, 16, 64),
    "d": Case("d: the 2014 paper's MLPs, 28x28, batch 64", "mlp", (28, 28, 1), 64, 64),
    "b_penalties": Case(
        "b under R1 and R2, no batch norm in the discriminator",
        *("dcgan", (28, 28, 1), 64, 32, 32),
        penalties=True,
    ),
    "small": Case("small MLPs, 8x8, width 32, batch 32", "small_mlp", (8, 8, 1), 64, 32, 32),
    "small_10": Case(
        "the same with steps_per_execution=10",
        *("small_mlp", (8, 8, 1), 64, 32, 32),
        steps_per_execution=10,
    ),
}


class Way(NamedTuple):
    """A way to train.

    Attributes:
        title: its row in the tables.
        library: what its process imports, "keras" or "torch".
        options: of the library's `build`.
        variables: of the environment; None takes one away.
        reference: the way of kgan that does the same work, by its key.
    """

    title: str
    library: str
    options: dict[str, Any]
    variables: dict[str, str | None]
    reference: str = "kgan"

    def suits(self, case: Case) -> bool:
        """Whether there is such a way to train these networks."""
        options = self.options
        if case.networks.endswith("mlp") and options.get("channels_last"):
            # Without a picture there are no channels.
            return False
        return not (case.penalties and (options.get("way") == "guide" or options.get("compiled")))


_ONE_DNN = {"TF_ENABLE_ONEDNN_OPTS": "1"}
_AS_IT_COMES = {"TF_ENABLE_ONEDNN_OPTS": None}


def _torch(title, reference="kgan", *, channels_last, share_fakes, compiled=False) -> Way:
    options = {"channels_last": channels_last, "share_fakes": share_fakes, "compiled": compiled}
    return Way(title, "torch", options, {}, reference)


WAYS = {
    "kgan": Way("kgan", "keras", {"way": "kgan"}, _ONE_DNN),
    "kgan_plain": Way(
        "kgan, `fast_kernels=False`", "keras", {"way": "kgan", "fast_kernels": False}, _ONE_DNN
    ),
    "kgan_shared": Way(
        *("kgan, `share_fakes=True`", "keras", {"way": "kgan", "share_fakes": True}, _ONE_DNN),
        reference="kgan_shared",
    ),
    "kernels": Way("bare kernels of kgan's step", "keras", {"way": "kernels"}, _ONE_DNN),
    "guide": Way("keras.io class, as TensorFlow comes", "keras", {"way": "guide"}, _AS_IT_COMES),
    "guide_onednn": Way("keras.io class, oneDNN on", "keras", {"way": "guide"}, _ONE_DNN),
    "torch": _torch("PyTorch", channels_last=False, share_fakes=False),
    "torch_last": _torch("PyTorch, channels_last", channels_last=True, share_fakes=False),
    "torch_compiled": _torch(
        *("PyTorch, channels_last, torch.compile",),
        channels_last=True,
        share_fakes=False,
        compiled=True,
    ),
    "torch_shared": _torch(
        "PyTorch, shared fakes", "kgan_shared", channels_last=False, share_fakes=True
    ),
    "torch_last_shared": _torch(
        *("PyTorch, channels_last, shared fakes", "kgan_shared"),
        channels_last=True,
        share_fakes=True,
    ),
}


class Pass(NamedTuple):
    """One pass of a batch through a network, forward and back.

    Attributes:
        weights: whether the gradient of the weights is taken.
        inputs: whether that of what every layer takes is, the first layer's apart.
        first_inputs: whether that of what the first layer takes is: of latents or images.
    """

    weights: bool = False
    inputs: bool = False
    first_inputs: bool = False


def passes(case: Case, *, share_fakes: bool = False) -> tuple[list[Pass], list[Pass]]:
    """The passes of a step through the generator and through the discriminator.

    A penalty on slopes costs its pass again: the slope is one gradient of the inputs, and of the
    slope's square each layer takes a forward step and a gradient of the weights.
    """
    update, through = Pass(weights=True, inputs=True), Pass(inputs=True, first_inputs=True)
    slopes = [Pass(weights=True, inputs=True, first_inputs=True)] * (2 if case.penalties else 0)
    generator = [update] if share_fakes else [Pass(), update]
    return generator, [update, update, *slopes, through]


class Clocks:
    """Seconds since it was made: by the clock, and of all threads of this process."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Both, in seconds."""
        wall, cpu = time.perf_counter(), time.process_time()
        return {"wall": wall - self.wall, "cpu": cpu - self.cpu}
