"""Torch files read without torch: what is read, and what is refused."""

import io
import os
import pickle
import re
import zipfile

import numpy as np
import pytest

from kgan.features.torch_file import torch_tensors

KINDS = ("zip", "script", "legacy")


@pytest.fixture
def tensors() -> dict:
    rng = np.random.default_rng(0)
    return {
        "stem.conv.weight": rng.normal(size=(4, 3, 2, 2)).astype("float32"),
        "stem.bn.running_mean": rng.normal(size=4).astype("float32"),
        "stem.bn.num_batches_tracked": np.array(7, "int64"),
        "fc.weight": rng.normal(size=(5, 4)).astype("float32"),
    }


def read(path) -> dict:
    with open(path, "rb") as file:
        return torch_tensors(file)


@pytest.mark.parametrize("kind", KINDS)
def test_reads_tensors_with_their_names_and_shapes(tmp_path, write_torch_file, tensors, kind):
    write_torch_file(tmp_path / "file", tensors, kind)
    result = read(tmp_path / "file")
    assert sorted(result) == sorted(tensors)
    for name, values in result.items():
        assert values.dtype == tensors[name].dtype
        np.testing.assert_array_equal(values, tensors[name])


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_reads_what_torch_writes(tmp_path, tensors, legacy):
    torch = pytest.importorskip("torch")
    # An OrderedDict that carries the versions of its layers with it.
    state = torch.nn.BatchNorm2d(3).state_dict()
    state.update({name: torch.tensor(values) for name, values in tensors.items()})
    # A view into the middle of a storage, transposed.
    state["view"] = torch.arange(24.0).reshape(4, 6)[1:3, 2:].T
    state["parameter"] = torch.nn.Parameter(torch.ones(3))
    torch.save(state, tmp_path / "file", _use_new_zipfile_serialization=not legacy)
    result = read(tmp_path / "file")
    assert sorted(result) == sorted(state)
    for name, values in state.items():
        np.testing.assert_array_equal(result[name], values.detach().numpy())


def test_reads_what_torchscript_writes(tmp_path):
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, (1, 5)), torch.nn.BatchNorm2d(3))
    torch.jit.script(net).save(tmp_path / "file")
    result = read(tmp_path / "file")
    for name, values in net.state_dict().items():
        np.testing.assert_array_equal(result[name], values.numpy())


def attack(code: bytes) -> bytes:
    """A pickle that calls os.system, then a state dict's end."""
    return b"\x80\x02" + code + b"."


@pytest.mark.parametrize(
    ("pickled", "name"),
    [
        (attack(b"cposix\nsystem\n(X\x07\x00\x00\x00touch xtR"), "posix.system"),
        (attack(b"c__builtin__\neval\n(X\x01\x00\x00\x001tR"), "__builtin__.eval"),
        (attack(b"ctorch.nn.modules.conv\nConv2d\n)\x81"), "torch.nn.modules.conv.Conv2d"),
        (attack(b"ctorch\nHalfStorage\n"), "torch.HalfStorage"),
        (attack(b"ccollections\nOrderedDict.__init__\n"), "collections.OrderedDict.__init__"),
    ],
    ids=["system", "eval", "module", "half", "attribute"],
)
def test_refuses_every_name_but_those_of_tensors(tmp_path, write_torch_archive, pickled, name):
    write_torch_archive(tmp_path / "file", pickled, {})
    message = f"it names {name}, which no file of tensors needs"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read(tmp_path / "file")


def test_runs_nothing_of_a_pickle(tmp_path, write_torch_archive):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made by the file"),)

    write_torch_archive(tmp_path / "file", pickle.dumps(Payload(), protocol=2), {})
    with pytest.raises(ValueError, match=r"^it names posix\.mkdir, which no file of tensors needs"):
        read(tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]


def test_a_module_that_holds_itself_is_read_once(tmp_path, write_torch_archive):
    # memo 0 is the module; its state's entry "self" is memo 0 again.
    loop = b"\x80\x02c__torch__.net\nModule\n)\x81q\x00}X\x04\x00\x00\x00selfh\x00sb."
    write_torch_archive(tmp_path / "file", loop, {})
    assert read(tmp_path / "file") == {}


def tensor_pickle(shape, strides, *, offset=0, count=6) -> bytes:
    """A state dict of one tensor "w" over a storage that is said to have `count` values."""

    def numbers(values):
        return b"(" + b"".join(b"J" + value.to_bytes(4, "little", signed=True) for value in values)

    identity = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    )
    identity += b"K" + bytes([count]) + b"tQ"
    place = b"K" + bytes([offset]) + numbers(shape) + b"t" + numbers(strides) + b"t"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + identity + place + b"tR"
    return b"\x80\x02}X\x01\x00\x00\x00w" + tensor + b"s."


def test_a_tensor_may_be_a_transposed_part_of_its_storage(tmp_path, write_torch_archive):
    storage = np.arange(6, dtype="<f4")
    write_torch_archive(tmp_path / "file", tensor_pickle((2, 2), (1, 2), offset=1), {"w": storage})
    np.testing.assert_array_equal(read(tmp_path / "file")["w"], [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (2, 4), "strides": (4, 1)}, "does not lie in its 6 stored values"),
        ({"shape": (6,), "strides": (1,), "offset": 1}, "does not lie in its 6 stored values"),
        ({"shape": (9999, 9999), "strides": (0, 0)}, "does not lie in its 6 stored values"),
        ({"shape": (6,), "strides": (1,), "count": 7}, "does not lie in its 6 stored values"),
        ({"shape": (2,), "strides": (-1,), "offset": 3}, "has no valid shape"),
        ({"shape": (2, 3), "strides": (1,)}, "has no valid shape"),
    ],
    ids=["end", "offset", "stride 0", "short storage", "backwards", "one stride"],
)
def test_refuses_a_tensor_outside_its_storage(tmp_path, write_torch_archive, arguments, message):
    pickled = tensor_pickle(**arguments)
    write_torch_archive(tmp_path / "file", pickled, {"w": np.arange(6, dtype="<f4")})
    with pytest.raises(ValueError, match=f"^the tensor 'w' {message}$"):
        read(tmp_path / "file")


def test_refuses_compressed_storages(tmp_path, write_torch_archive):
    write_torch_archive(tmp_path / "file", tensor_pickle((6,), (1,)), {"w": np.zeros(6, "<f4")})
    with (
        zipfile.ZipFile(tmp_path / "file") as plain,
        zipfile.ZipFile(tmp_path / "packed", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        packed.writestr("archive/data.pkl", plain.read("archive/data.pkl"), zipfile.ZIP_STORED)
        packed.writestr("archive/data/0", plain.read("archive/data/0"))
    message = r"^archive/data/0 is compressed, which torch never does$"
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "packed")


def test_refuses_an_archive_of_two_pickles(tmp_path, write_torch_archive):
    write_torch_archive(tmp_path / "file", tensor_pickle((6,), (1,)), {"w": np.zeros(6, "<f4")})
    with zipfile.ZipFile(tmp_path / "file", "a") as archive:
        archive.writestr("other/data.pkl", b"")
    with pytest.raises(ValueError, match=r"^it holds 2 files data\.pkl, and torch writes one$"):
        read(tmp_path / "file")


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_a_damaged_file_at_every_length(tmp_path, write_torch_file, tensors, kind):
    write_torch_file(tmp_path / "file", tensors, kind)
    data = (tmp_path / "file").read_bytes()
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError, match=r"\w"):
            torch_tensors(io.BytesIO(data[:length]))


def test_tells_a_storage_that_ends_too_early(tmp_path, write_torch_file, tensors):
    write_torch_file(tmp_path / "file", tensors, "legacy")
    data = (tmp_path / "file").read_bytes()
    with pytest.raises(ValueError, match=r"^it ends in the middle of a tensor$"):
        torch_tensors(io.BytesIO(data[:-1]))
