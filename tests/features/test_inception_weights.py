"""One set of tensors out of every file, and the check that they are the FID paper's."""

import os
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.features import inception_weights
from kgan.features.inception_weights import FILES
from kgan.features.inception_weights import are_fid_tensors
from kgan.features.inception_weights import checksum
from kgan.features.inception_weights import put_tensors
from kgan.features.inception_weights import read_tensors

# The graph's names of all convolutions, and torchvision's, as pytorch-fid's and torch-fidelity's
# converters pair them.
STEM = {
    "conv": "Conv2d_1a_3x3",
    "conv_1": "Conv2d_2a_3x3",
    "conv_2": "Conv2d_2b_3x3",
    "conv_3": "Conv2d_3b_1x1",
    "conv_4": "Conv2d_4a_3x3",
}
BLOCK_OF_35 = {
    "conv": "branch1x1",
    "tower/conv": "branch5x5_1",
    "tower/conv_1": "branch5x5_2",
    "tower_1/conv": "branch3x3dbl_1",
    "tower_1/conv_1": "branch3x3dbl_2",
    "tower_1/conv_2": "branch3x3dbl_3",
    "tower_2/conv": "branch_pool",
}
FROM_35_TO_17 = {
    "conv": "branch3x3",
    "tower/conv": "branch3x3dbl_1",
    "tower/conv_1": "branch3x3dbl_2",
    "tower/conv_2": "branch3x3dbl_3",
}
BLOCK_OF_17 = {
    "conv": "branch1x1",
    "tower/conv": "branch7x7_1",
    "tower/conv_1": "branch7x7_2",
    "tower/conv_2": "branch7x7_3",
    "tower_1/conv": "branch7x7dbl_1",
    "tower_1/conv_1": "branch7x7dbl_2",
    "tower_1/conv_2": "branch7x7dbl_3",
    "tower_1/conv_3": "branch7x7dbl_4",
    "tower_1/conv_4": "branch7x7dbl_5",
    "tower_2/conv": "branch_pool",
}
FROM_17_TO_8 = {
    "tower/conv": "branch3x3_1",
    "tower/conv_1": "branch3x3_2",
    "tower_1/conv": "branch7x7x3_1",
    "tower_1/conv_1": "branch7x7x3_2",
    "tower_1/conv_2": "branch7x7x3_3",
    "tower_1/conv_3": "branch7x7x3_4",
}
BLOCK_OF_8 = {
    "conv": "branch1x1",
    "tower/conv": "branch3x3_1",
    "tower/mixed/conv": "branch3x3_2a",
    "tower/mixed/conv_1": "branch3x3_2b",
    "tower_1/conv": "branch3x3dbl_1",
    "tower_1/conv_1": "branch3x3dbl_2",
    "tower_1/mixed/conv": "branch3x3dbl_3a",
    "tower_1/mixed/conv_1": "branch3x3dbl_3b",
    "tower_2/conv": "branch_pool",
}
BLOCKS = {
    "mixed": ("Mixed_5b", BLOCK_OF_35),
    "mixed_1": ("Mixed_5c", BLOCK_OF_35),
    "mixed_2": ("Mixed_5d", BLOCK_OF_35),
    "mixed_3": ("Mixed_6a", FROM_35_TO_17),
    "mixed_4": ("Mixed_6b", BLOCK_OF_17),
    "mixed_5": ("Mixed_6c", BLOCK_OF_17),
    "mixed_6": ("Mixed_6d", BLOCK_OF_17),
    "mixed_7": ("Mixed_6e", BLOCK_OF_17),
    "mixed_8": ("Mixed_7a", FROM_17_TO_8),
    "mixed_9": ("Mixed_7b", BLOCK_OF_8),
    "mixed_10": ("Mixed_7c", BLOCK_OF_8),
}
TORCHVISION = STEM | {
    f"{block}/{name}": f"{torchvision}.{branch}"
    for block, (torchvision, names) in BLOCKS.items()
    for name, branch in names.items()
}


def npz_name(name: str) -> str:
    """As in the TorchScript network and the archive made of it: two blocks have no modules."""
    block, slash, rest = name.partition("/")
    joint = "_" if block in ("mixed_9", "mixed_10") else "."
    return f"{block}.{rest.replace('/', joint)}" if slash else block


@pytest.fixture(scope="module")
def tensors() -> dict:
    """Small tensors of every name that is read."""
    rng = np.random.default_rng(0)
    tensors = {"softmax/kernel": rng.normal(size=(4, 6)).astype("float32")}
    for name in TORCHVISION:
        place = name.replace("/", "_")
        tensors[f"{place}/kernel"] = rng.normal(size=(1, 2, 3, 5)).astype("float32")
        for part in ("beta", "mean", "variance"):
            tensors[f"{place}/{part}"] = rng.normal(size=5).astype("float32")
        tensors[f"{place}/gamma"] = np.ones(5, "float32")
    return tensors


def as_graph(tensors: dict) -> dict:
    named = {"softmax/weights": tensors["softmax/kernel"], "softmax/biases": np.zeros(6, "float32")}
    for name in TORCHVISION:
        place = name.replace("/", "_")
        named[f"{name}/conv2d_params"] = tensors[f"{place}/kernel"]
        named[f"{name}/batchnorm/beta"] = tensors[f"{place}/beta"]
        named[f"{name}/batchnorm/gamma"] = tensors[f"{place}/gamma"]
        named[f"{name}/batchnorm/moving_mean"] = tensors[f"{place}/mean"]
        named[f"{name}/batchnorm/moving_variance"] = tensors[f"{place}/variance"]
    return named


def as_torchvision(tensors: dict) -> dict:
    named = {"fc.weight": tensors["softmax/kernel"].T, "fc.bias": np.zeros(6, "float32")}
    for name, torchvision in TORCHVISION.items():
        place = name.replace("/", "_")
        named[f"{torchvision}.conv.weight"] = tensors[f"{place}/kernel"].transpose(3, 2, 0, 1)
        named[f"{torchvision}.bn.weight"] = tensors[f"{place}/gamma"]
        named[f"{torchvision}.bn.bias"] = tensors[f"{place}/beta"]
        named[f"{torchvision}.bn.running_mean"] = tensors[f"{place}/mean"]
        named[f"{torchvision}.bn.running_var"] = tensors[f"{place}/variance"]
        named[f"{torchvision}.bn.num_batches_tracked"] = np.array(0)
    return named


def as_plain(tensors: dict, prefix: str = "") -> dict:
    named = {"output.weight": tensors["softmax/kernel"].T}
    for name in TORCHVISION:
        place = name.replace("/", "_")
        plain = prefix + npz_name(name)
        named[f"{plain}.weight"] = tensors[f"{place}/kernel"].transpose(3, 2, 0, 1)
        named[f"{plain}.beta"] = tensors[f"{place}/beta"]
        named[f"{plain}.mean"] = tensors[f"{place}/mean"]
        named[f"{plain}.var"] = tensors[f"{place}/variance"]
    return named


def write_graph(path, constants: dict) -> None:
    with tf.Graph().as_default() as graph:
        for name, values in constants.items():
            tf.constant(values, name=name)
    path.write_bytes(graph.as_graph_def().SerializeToString())


def without_gamma(tensors: dict) -> dict:
    return {name: values for name, values in tensors.items() if not name.endswith("/gamma")}


def check_equal(read: dict, expected: dict) -> None:
    assert sorted(read) == sorted(expected)
    for name, values in read.items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, expected[name])


def test_the_names_are_those_of_all_convolutions():
    assert len(TORCHVISION) == len(set(TORCHVISION.values())) == 94


def test_reads_a_frozen_graph(tmp_path, tensors):
    write_graph(tmp_path / "graph.pb", as_graph(tensors))
    check_equal(read_tensors(tmp_path / "graph.pb"), tensors)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("prefix", ["", "layers.", "net.layers."])
def test_reads_an_npz(tmp_path, tensors, save, prefix):
    save(tmp_path / "file.npz", **as_plain(tensors, prefix))
    check_equal(read_tensors(str(tmp_path / "file.npz")), without_gamma(tensors))


def test_reads_the_tensors_of_a_torch_file_under_their_own_names(tmp_path, tensors):
    np.savez(tmp_path / "file.npz", **as_torchvision(tensors))
    check_equal(read_tensors(tmp_path / "file.npz"), tensors)


def test_a_torch_file_is_refused_with_what_to_make_of_it(tmp_path, inception_model):
    told = r"torch\.load\(path, weights_only=True\); numpy\.savez"
    old, new = tmp_path / "old.pth", tmp_path / "new.pth"
    old.write_bytes(bytes.fromhex("80028a0a6cfc9c46f9206aa850192e"))
    with pytest.raises(ValueError, match=told):
        read_tensors(old)
    # Since 1.6 torch writes archives, in which no tensor has a name.
    with zipfile.ZipFile(new, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    with pytest.raises(ValueError, match=told):
        put_tensors(inception_model, read_tensors(new))


def test_leaves_out_what_is_of_no_use(tmp_path):
    other = {
        "AuxLogits.fc.weight": np.ones((2, 2), "float32"),
        "AuxLogits.conv0.conv.weight": np.ones((1, 1, 1, 1), "float32"),
        "mixed_11.conv.beta": np.ones(1, "float32"),
        "Mixed_9z.branch1x1.conv.weight": np.ones((1, 1, 1, 1), "float32"),
        "Conv2d_9z.bn.bias": np.ones(1, "float32"),
        "Mixed_5b.branch1x1.bn.num_batches_tracked": np.array(0),
        "conv.beta": np.arange(3),
        "epoch": np.array(1.0, "float32"),
        "objects.nothing": np.ones(1, "float32"),
    }
    np.savez(tmp_path / "file.npz", **other)
    assert read_tensors(tmp_path / "file.npz") == {}


def test_tells_of_a_missing_file(tmp_path):
    message = (
        f"There is no file {str(tmp_path / 'no.npz')!r}. kgan ships no weights of InceptionV3. "
        f"Give the path of one of these: {FILES}."
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        read_tensors(tmp_path / "no.npz")


@pytest.mark.parametrize(
    "start",
    [
        b"\x1f\x8b\x08\x00",
        b"\x89HDF\r\n\x1a\n",
        b"<!DOCTYPE html>",
        b"version https://git-lfs",
        b"",
    ],
    ids=["tgz", "h5", "html", "lfs", "empty"],
)
def test_refuses_an_unknown_kind_of_file(tmp_path, start):
    path = tmp_path / "file.pb"
    path.write_bytes(start)
    message = (
        f"The file {str(path)!r} is no file of weights that kgan knows. "
        f"It starts with {start[:8]!r}. Expected one of: {FILES}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_tensors(path)


@pytest.mark.parametrize("kind", ["npz", "graph"])
def test_refuses_a_truncated_file(tmp_path, tensors, kind):
    path = tmp_path / "file"
    if kind == "npz":
        with path.open("wb") as file:
            np.savez(file, **as_plain(tensors))
    else:
        write_graph(path, as_graph(tensors))
    path.write_bytes(path.read_bytes()[:-100])
    message = (
        rf"^The file {re.escape(repr(str(path)))} cannot be read as weights of InceptionV3: .+\. "
        rf"Fetch it again\. Expected one of: {re.escape(FILES)}\.$"
    )
    with pytest.raises(ValueError, match=message):
        read_tensors(path)


def test_refuses_flipped_bytes(tmp_path, tensors):
    path = tmp_path / "file.npz"
    np.savez(path, **as_plain(tensors))
    data = bytearray(path.read_bytes())
    # Inside the first array's values: the archive's own checksum tells.
    data[200] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"InceptionV3: Bad CRC-32 for file"):
        read_tensors(path)


def test_refuses_pickled_objects_in_an_npz(tmp_path):
    np.savez(tmp_path / "file.npz", **{"conv.weight": np.array([object()])})
    with pytest.raises(ValueError, match=r"Object arrays cannot be loaded when allow_pickle=False"):
        read_tensors(tmp_path / "file.npz")


def test_the_checksum_is_a_sum_over_all_values(tensors):
    total, position = 0j, 0
    for name in sorted(without_gamma(tensors)):
        if name != "softmax/kernel":
            for value in tensors[name].ravel():
                total += float(value) * np.exp(1j * position)
                position += 1
    assert checksum(tensors) == pytest.approx(total, abs=1e-9)


@pytest.fixture
def known(monkeypatch) -> dict:
    """Tensors of the norm 200 that stand for the FID paper's."""
    rng = np.random.default_rng(0)
    known = {
        "conv/kernel": rng.normal(size=(3, 3, 40, 60)).astype("float32"),
        "conv_1/kernel": rng.normal(size=(3, 3, 40, 60)).astype("float32"),
        "conv/beta": rng.normal(size=60).astype("float32"),
    }
    monkeypatch.setattr(inception_weights, "_FID_CHECKSUM", checksum(known))
    return known


def test_the_known_tensors_are_told_from_others(known):
    assert are_fid_tensors(known)
    swapped = known | {"conv/kernel": known["conv_1/kernel"], "conv_1/kernel": known["conv/kernel"]}
    half = {name: values.astype("float16").astype("float32") for name, values in known.items()}
    one = known["conv/beta"].copy()
    one[7] += 0.01
    for other in (
        swapped,
        half,
        known | {"conv/beta": one},
        known | {"conv/beta": known["conv/beta"][::-1]},
        known | {"conv/beta": np.full(60, np.nan, "float32")},
        known | {"conv/gamma": np.full(60, 1.01, "float32")},
        {name: values for name, values in known.items() if name != "conv_1/kernel"},
    ):
        assert not are_fid_tensors(other)


def test_rounding_and_class_weights_do_not_matter(known):
    rounded = {name: np.nextafter(values, np.float32(9)) for name, values in known.items()}
    assert are_fid_tensors(rounded)
    assert are_fid_tensors(known | {"softmax/kernel": np.ones((2, 3), "float32")})
    assert are_fid_tensors(known | {"conv/gamma": np.ones(60, "float32")})


@pytest.fixture(scope="module")
def fitting(inception_model) -> dict:
    """Zeros of the right shapes, in no memory."""
    shapes = {"softmax/kernel": (2048, 1008)}
    for layer in inception_model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            shapes[f"{layer.name}/kernel"] = layer.kernel.shape
            for part in ("beta", "mean", "variance"):
                shapes[f"{layer.name}/{part}"] = (layer.filters,)
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}


def test_puts_every_tensor_in_its_place(inception_model, fitting):
    numbered = {
        name: np.broadcast_to(np.float32(number), values.shape)
        for number, (name, values) in enumerate(fitting.items())
    }
    put_tensors(inception_model, numbered)
    numbers = {name: float(values.flat[0]) for name, values in numbered.items()}
    seen = {}
    for layer in inception_model.layers:
        for weight in layer.weights:
            part = {"moving_mean": "mean", "moving_variance": "variance"}.get(
                weight.name, weight.name
            )
            seen[f"{layer.name.removesuffix('_batchnorm')}/{part}"] = float(np.ravel(weight)[0])
    assert seen == numbers
    assert sorted(name.split("/")[0] for name in seen if name.endswith("/kernel")) == sorted(
        [name.replace("/", "_") for name in TORCHVISION] + ["softmax"]
    )


def test_tells_of_missing_tensors(inception_model, fitting):
    incomplete = {name: values for name, values in fitting.items() if "mixed_10" not in name}
    message = (
        "36 of the 377 tensors of InceptionV3 are missing or have another shape, first "
        "'mixed_10_tower_1_conv/kernel'. Expected: the shape (1, 1, 2048, 448). Received: None. "
        f"The file is incomplete, or of another network. Expected one of: {FILES}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        put_tensors(inception_model, incomplete)


def test_tells_of_a_wrong_shape_and_changes_nothing(inception_model, fitting):
    put_tensors(inception_model, fitting)
    wrong = {name: values + 1 for name, values in fitting.items() if name.endswith("/beta")}
    wrong["mixed_10_conv/beta"] = np.zeros(7, "float32")
    message = (
        "1 of the 377 tensors of InceptionV3 are missing or have another shape, first "
        "'mixed_10_conv/beta'. Expected: the shape (320,). Received: (7,). "
        f"The file is incomplete, or of another network. Expected one of: {FILES}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        put_tensors(inception_model, fitting | wrong)
    assert not np.any(inception_model.get_layer("conv_batchnorm").beta)


@pytest.mark.slow
def test_the_real_tensors_are_the_fid_papers():
    path = Path(os.environ.get("KGAN_DATA", ""), "fid_inception", "fid_inception_f32.npz")
    if not path.is_file():
        pytest.skip("KGAN_DATA names no folder with fid_inception/fid_inception_f32.npz")
    tensors = read_tensors(path)
    assert len(tensors) == 4 * 94
    assert sum(values.size for values in tensors.values()) == 21_802_784
    assert are_fid_tensors(tensors)
    for name in ("conv/kernel", "mixed_4_conv/beta", "mixed_10_tower_2_conv/mean"):
        assert not are_fid_tensors(tensors | {name: tensors[name] * 1.001})
