"""Reading the tensors of InceptionV3, from any of the files they are passed round in."""

import os
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

FILES = (
    "classify_image_graph_def.pb (the frozen TensorFlow graph, inside inception-2015-12-05.tgz), "
    "or an .npz of its tensors, also of those of pt_inception-2015-12-05-6726825d.pth (of "
    "pytorch-fid and torch-fidelity)"
)

# A torch file is a pickle, which may run anything when it is loaded: torch itself reads it best.
_FROM_TORCH = (
    "Make an .npz of it where torch is installed: state = torch.load(path, weights_only=True); "
    'numpy.savez("inception.npz", **{name: value.numpy() for name, value in state.items()}).'
)
# A pickled 0x1950a86a20f9469cfc6c, with which torch.save began until 1.6.
_LEGACY_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

# What each file calls the parts of a convolution and its batch norm.
_GRAPH_PARTS = {
    "conv2d_params": "kernel",
    "batchnorm/gamma": "gamma",
    "batchnorm/beta": "beta",
    "batchnorm/moving_mean": "mean",
    "batchnorm/moving_variance": "variance",
}
_TORCHVISION_PARTS = {
    "conv.weight": "kernel",
    "bn.weight": "gamma",
    "bn.bias": "beta",
    "bn.running_mean": "mean",
    "bn.running_var": "variance",
}
_PLAIN_PARTS = {"weight": "kernel", "beta": "beta", "mean": "mean", "var": "variance"}
_CLASS_KERNELS = ("softmax/weights", "fc.weight", "output.weight")

# All that the graph has, with "_" for "/".
_CONVOLUTION = r"conv(_[1-4])?|mixed(_[1-9]|_10)?(_tower(_[12])?(_mixed)?)?_conv(_[1-4])?"

_TORCHVISION_STEM = {
    "1a_3x3": "conv",
    "2a_3x3": "conv_1",
    "2b_3x3": "conv_2",
    "3b_1x1": "conv_3",
    "4a_3x3": "conv_4",
}
_TORCHVISION_BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
_SECOND_TOWERS = ("branch3x3dbl", "branch7x7dbl", "branch7x7x3")

# Of the FID paper's tensors, see `checksum`.
_FID_CHECKSUM = -164.281824 + 40.329028j
_CHECKSUM_TOLERANCE = 1e-4
_CHECKSUM_WIDTH = 1024


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
            if "/" not in name and values.ndim == 4:
                values = values.transpose(2, 3, 1, 0)
            elif "/" not in name and values.ndim == 2:
                values = values.T
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
    wanted = _wanted(model)
    missing = [name for name in wanted if name not in tensors]
    if missing:
        raise ValueError(
            f"The file lacks {len(missing)} of the {len(wanted)} tensors of InceptionV3, first "
            f"{missing[0]!r}. It is incomplete, or of another network. Expected one of: {FILES}."
        )
    for name, weight in wanted.items():
        if tensors[name].shape != tuple(weight.shape):
            raise ValueError(
                f"The tensor {name!r} must have the shape {tuple(weight.shape)}. Received: "
                f"{tensors[name].shape}. The file is of another network. Expected one of: {FILES}."
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
    angles = np.arange(_CHECKSUM_WIDTH)
    total, position = 0j, 0
    for name in sorted(tensors):
        if name.endswith("/gamma") or name == "softmax/kernel":
            continue
        values = tensors[name].ravel().astype(np.float64)
        rows = np.pad(values, (0, -values.size % _CHECKSUM_WIDTH)).reshape(-1, _CHECKSUM_WIDTH)
        # exp(i (start + m)) = exp(i start) exp(i m) saves nearly all cosines.
        sums = rows @ np.cos(angles) + 1j * (rows @ np.sin(angles))
        starts = position + _CHECKSUM_WIDTH * np.arange(len(rows))
        total += complex(np.exp(1j * starts) @ sums)
        position += values.size
    return total


def _stored(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file under its own names."""
    content = path.read_bytes()
    try:
        if content.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                is_torch = any(name.endswith("/data.pkl") for name in archive.namelist())
            if not is_torch:
                return _npz_arrays(path)
        # The first field of a graph is a node.
        elif content.startswith(b"\x0a"):
            return _float_constants(content)
        else:
            is_torch = content.startswith(_LEGACY_TORCH)
    # Damaged archives raise what they like, from BadZipFile to NotImplementedError.
    except Exception as error:
        raise ValueError(
            f"The file {str(path)!r} cannot be read as weights of InceptionV3: {error}. "
            f"Fetch it again. Expected one of: {FILES}."
        ) from error
    if is_torch:
        raise ValueError(f"The file {str(path)!r} is one of torch. {_FROM_TORCH}")
    raise ValueError(
        f"The file {str(path)!r} is no file of weights that kgan knows. It starts with "
        f"{content[:8]!r}. Expected one of: {FILES}."
    )


def _float_constants(graph: bytes) -> dict[str, np.ndarray]:
    """The float32 constants of a serialised GraphDef, of which nothing is run."""
    return {
        node.name: tf.make_ndarray(node.attr["value"].tensor)
        for node in tf.compat.v1.GraphDef.FromString(graph).node
        if node.op == "Const" and node.attr["value"].tensor.dtype == tf.float32.as_datatype_enum
    }


def _npz_arrays(file) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if _place(name) is not None}


def _place(name: str) -> str | None:
    """Where a file's tensor belongs, "mixed_9_tower_mixed_conv/kernel"; None for nowhere.

    The graph's "mixed_9/tower/mixed/conv/conv2d_params", torchvision's
    "Mixed_7b.branch3x3_2a.conv.weight" and the .npz' "mixed_9.tower_mixed_conv.weight" are one.
    """
    if name in _CLASS_KERNELS:
        return "softmax/kernel"
    if found := re.fullmatch(r"(.+?)/(conv2d_params|batchnorm/\w+)", name):
        convolution, part = found[1].replace("/", "_"), _GRAPH_PARTS.get(found[2])
    elif found := re.fullmatch(r"((?:Conv2d|Mixed)_.+)\.((?:conv|bn)\.\w+)", name):
        convolution, part = _from_torchvision(found[1]), _TORCHVISION_PARTS.get(found[2])
    elif found := re.fullmatch(r"(?:(?:net|layers)\.)*(.+)\.(\w+)", name):
        convolution, part = found[1].replace(".", "_"), _PLAIN_PARTS.get(found[2])
    else:
        return None
    known = part and convolution and re.fullmatch(_CONVOLUTION, convolution)
    return f"{convolution}/{part}" if known else None


def _from_torchvision(name: str) -> str | None:
    """The graph's name of "Conv2d_2a_3x3", "Mixed_5b.branch5x5_2", "Mixed_7b.branch3x3_2a"."""
    if name.startswith("Conv2d_"):
        return _TORCHVISION_STEM.get(name.removeprefix("Conv2d_"))
    found = re.fullmatch(r"Mixed_(\d[a-e])\.(branch_pool|branch\w+?)(?:_(\d)([ab]?))?", name)
    if found is None or found[1] not in _TORCHVISION_BLOCKS:
        return None
    block, branch, number, letter = found.groups()
    place = _numbered("mixed", _TORCHVISION_BLOCKS.index(block))
    if branch == "branch_pool":
        return f"{place}_tower_2_conv"
    if number is None:
        return f"{place}_conv"
    second = branch in _SECOND_TOWERS and block != "6a"
    place += "_tower_1" if second else "_tower"
    if letter:
        return _numbered(f"{place}_mixed_conv", "ab".index(letter))
    return _numbered(f"{place}_conv", int(number) - 1)


def _numbered(name: str, number: int) -> str:
    """The graph's numbering: "conv", "conv_1", "conv_2"."""
    return f"{name}_{number}" if number else name


def _wanted(model: keras.Model) -> dict:
    """The weights of the network under the names of `read_tensors`."""
    wanted = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            norm = model.get_layer(f"{layer.name}_batchnorm")
            wanted[f"{layer.name}/kernel"] = layer.kernel
            wanted[f"{layer.name}/beta"] = norm.beta
            wanted[f"{layer.name}/mean"] = norm.moving_mean
            wanted[f"{layer.name}/variance"] = norm.moving_variance
        elif isinstance(layer, keras.layers.Dense):
            wanted[f"{layer.name}/kernel"] = layer.kernel
    return wanted
