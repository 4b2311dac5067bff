"""Reading the tensors of InceptionV3, from any of the files they are passed round in."""

import os
import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kgan._utils.files import archive_members

# A torch file is a pickle, which may run anything when it is loaded: torch itself reads it best.
FILES = (
    "classify_image_graph_def.pb (the frozen TensorFlow graph, inside inception-2015-12-05.tgz), "
    "or an .npz of its tensors, also of those of pt_inception-2015-12-05-6726825d.pth (of "
    "pytorch-fid and torch-fidelity), made where torch is installed: "
    "state = torch.load(path, weights_only=True); "
    'numpy.savez("inception.npz", **{name: value.numpy() for name, value in state.items()})'
)

# The names of a convolution's tensors: the graph's, torchvision's, and those of an archive of
# TorchScript's. What stands before the part in brackets is the convolution.
_NAMES = (
    r"(.+?)/(conv2d_params|batchnorm/\w+)",
    r"((?:Conv2d|Mixed)_.+)\.((?:conv|bn)\.\w+)",
    r"(?:(?:net|layers)\.)*(.+)\.(\w+)",
)
_PARTS = {
    "conv2d_params": "kernel",
    "batchnorm/gamma": "gamma",
    "batchnorm/beta": "beta",
    "batchnorm/moving_mean": "mean",
    "batchnorm/moving_variance": "variance",
    "conv.weight": "kernel",
    "bn.weight": "gamma",
    "bn.bias": "beta",
    "bn.running_mean": "mean",
    "bn.running_var": "variance",
    "weight": "kernel",
    "beta": "beta",
    "mean": "mean",
    "var": "variance",
}
_CLASS_KERNELS = ("softmax/weights", "fc.weight", "output.weight")

# All that the graph has, with "_" for "/".
_CONVOLUTION = r"conv(_[1-4])?|mixed(_[1-9]|_10)?(_tower(_[12])?(_mixed)?)?_conv(_[1-4])?"

# Torchvision's names, in the order in which the graph numbers its own.
_TORCHVISION_STEM = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")
_TORCHVISION_BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
_SECOND_TOWERS = ("branch3x3dbl", "branch7x7dbl", "branch7x7x3")

# Of the FID paper's tensors, see `checksum`.
_FID_CHECKSUM = -164.281824 + 40.329028j
_CHECKSUM_TOLERANCE = 1e-4


def read_tensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The tensors of an InceptionV3 file, under one set of names and in one layout.

    Args:
        path: an .npz, or a frozen TensorFlow graph. What it is, is told from its bytes, not from
            its name. The tensors of a torch file come in an .npz under their own names:
            `state = torch.load(path, weights_only=True)`, then
            `numpy.savez("inception.npz", **{name: t.numpy() for name, t in state.items()})`.

    Returns:
        Dict from "<convolution>/kernel" (height, width, in, out), ".../beta", ".../mean",
        ".../variance" and, where the file has it, ".../gamma" (out,), to float32 arrays;
        "softmax/kernel" (2048, classes), where the file has class weights. Convolutions are named
        as in `inception_network`. Tensors of other names are left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is of another kind, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {str(path)!r}. kgan ships no weights of InceptionV3. Give the path "
            f"of one of these: {FILES}."
        )
    tensors = {}
    for name, values in _stored(path).items():
        place = _place(name)
        if place is not None and values.dtype.kind == "f":
            # TensorFlow keeps what it multiplies with last, torch first.
            if "/" not in name:
                values = values.transpose(2, 3, 1, 0) if values.ndim == 4 else values.T
            tensors[place] = np.ascontiguousarray(values, np.float32)
    return tensors


def put_tensors(model: keras.Model, tensors: dict[str, np.ndarray]) -> None:
    """Set the weights of an `inception_network`.

    Args:
        model: the network.
        tensors: as `read_tensors` returns them.

    Raises:
        ValueError: if one is missing, or has another shape.
    """
    wanted = {
        f"{layer.name.removesuffix('_batchnorm')}/{weight.name.removeprefix('moving_')}": weight
        for layer in model.layers
        for weight in layer.weights
    }
    wrong = [
        name
        for name, weight in wanted.items()
        if np.shape(tensors.get(name)) != tuple(weight.shape)
    ]
    if wrong:
        first = wrong[0]
        raise ValueError(
            f"{len(wrong)} of the {len(wanted)} tensors of InceptionV3 are missing or have another "
            f"shape, first {first!r}. Expected: the shape {tuple(wanted[first].shape)}. Received: "
            f"{tensors[first].shape if first in tensors else None}. The file is incomplete, or of "
            f"another network. Expected one of: {FILES}."
        )
    for name, weight in wanted.items():
        weight.assign(tensors[name])


def are_fid_tensors(tensors: dict[str, np.ndarray]) -> bool:
    """Whether tensors are those that FID and KID are defined on, but for rounding.

    The class weights are not looked at: the features do not depend on them.

    Args:
        tensors: as `read_tensors` returns them.
    """
    scales = [values for name, values in tensors.items() if name.endswith("/gamma")]
    # The network has no scale; the graph stores one of ones, and torch's layer needs it.
    if not all((values == 1).all() for values in scales):
        return False
    # NaN compares as False.
    return bool(abs(checksum(tensors) - _FID_CHECKSUM) <= _CHECKSUM_TOLERANCE)


def checksum(tensors: dict[str, np.ndarray]) -> complex:
    """The sum of v_n exp(i n) over all values v_n of the convolutions and their batch norms.

    It is a projection on a direction of no meaning: a difference of norm s, be it in one value or
    in all, moves it by about s. Rounding the FID paper's tensors (their norm is 208) in the last
    bit moves it by 1e-5, half precision by 4e-2. A hash would refuse a file that went through
    another program's arithmetic; this refuses every other training all the same.

    Args:
        tensors: as `read_tensors` returns them.

    Returns:
        complex.
    """
    total, position = 0j, 0
    for name in sorted(tensors):
        if not name.endswith("/gamma") and name != "softmax/kernel":
            values = tensors[name].ravel().astype(np.float64)
            total += complex(values @ np.exp(1j * np.arange(position, position + values.size)))
            position += values.size
    return total


def _stored(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file under its own names."""
    content = path.read_bytes()
    try:
        if content.startswith(b"PK"):
            archive_members(path)
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if _place(name) is not None}
        # The first field of a graph is a node.
        if content.startswith(b"\x0a"):
            # Nothing of it is run.
            graph = tf.compat.v1.GraphDef.FromString(content)
            constants = [node for node in graph.node if node.op == "Const"]
            return {node.name: tf.make_ndarray(node.attr["value"].tensor) for node in constants}
    # Damaged archives raise what they like, from BadZipFile to NotImplementedError.
    except Exception as error:
        raise ValueError(
            f"The file {str(path)!r} cannot be read as weights of InceptionV3: {error}. "
            f"Fetch it again. Expected one of: {FILES}."
        ) from error
    raise ValueError(
        f"The file {str(path)!r} is no file of weights that kgan knows. It starts with "
        f"{content[:8]!r}. Expected one of: {FILES}."
    )


def _place(name: str) -> str | None:
    """Where a file's tensor belongs, "mixed_9_tower_mixed_conv/kernel"; None for nowhere.

    The graph's "mixed_9/tower/mixed/conv/conv2d_params", torchvision's
    "Mixed_7b.branch3x3_2a.conv.weight" and the .npz' "mixed_9.tower_mixed_conv.weight" are one.
    """
    if name in _CLASS_KERNELS:
        return "softmax/kernel"
    for pattern in _NAMES:
        if found := re.fullmatch(pattern, name):
            convolution, part = _convolution(found[1]), _PARTS.get(found[2])
            known = part and re.fullmatch(_CONVOLUTION, convolution)
            return f"{convolution}/{part}" if known else None
    return None


def _convolution(name: str) -> str:
    """The graph's name of "Conv2d_2a_3x3", "Mixed_7b.branch3x3_2a", "mixed_9.tower_mixed_conv"."""
    if name.removeprefix("Conv2d_") in _TORCHVISION_STEM:
        return _numbered("conv", _TORCHVISION_STEM.index(name.removeprefix("Conv2d_")))
    block, _, branch = name.removeprefix("Mixed_").partition(".")
    if block not in _TORCHVISION_BLOCKS:
        return re.sub("[/.]", "_", name)
    place = _numbered("mixed", _TORCHVISION_BLOCKS.index(block))
    branch, _, step = branch.partition("_")
    if step == "pool":
        return f"{place}_tower_2_conv"
    if not step:
        return f"{place}_conv"
    place += "_tower_1" if branch in _SECOND_TOWERS and block != "6a" else "_tower"
    if step[-1] in "ab":
        return _numbered(f"{place}_mixed_conv", "ab".index(step[-1]))
    return _numbered(f"{place}_conv", "12345".find(step))


def _numbered(name: str, number: int) -> str:
    """The graph's numbering: "conv", "conv_1", "conv_2"."""
    return f"{name}_{number}" if number else name
