"""InceptionV3 without its tensors, and torch files: torch is no dependency, not even of tests."""

import struct
import zipfile

import keras
import numpy as np
import pytest

from kgan.features.inception_network import inception_network

LEGACY_START = (
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",  # the magic number
    b"\x80\x02M\xe9\x03.",  # protocol version 1001
    b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.",
)
ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def integers(values) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def tensor(key: str, values: np.ndarray, *, legacy: bool) -> bytes:
    """_rebuild_tensor_v2((storage), offset, shape, strides, requires_grad, hooks)."""
    storage = {"f": b"ctorch\nFloatStorage\n", "i": b"ctorch\nLongStorage\n"}[values.dtype.kind]
    count = b"J" + struct.pack("<i", values.size)
    identity = text("storage") + storage + text(key) + text("cpu") + count
    identity = b"(" + identity + (b"N" if legacy else b"") + b"tQ"
    strides = [stride // values.itemsize for stride in values.strides]
    place = b"K\x00" + integers(values.shape) + integers(strides)
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + identity + place + b"\x89" + ORDERED_DICT + b"tR"
    )


def state_dict(tensors: dict, *, legacy: bool) -> bytes:
    entries = [
        text(name) + tensor(str(key), values, legacy=legacy)
        for key, (name, values) in enumerate(tensors.items())
    ]
    return b"\x80\x02" + ORDERED_DICT + b"(" + b"".join(entries) + b"u."


def script_module(tensors: dict) -> bytes:
    """A TorchScript module that holds tensors as "a.b.weight" in modules in modules."""
    tree = {}
    for key, (name, values) in enumerate(tensors.items()):
        *path, last = name.split(".")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = tensor(str(key), values, legacy=False)

    def module(branch) -> bytes:
        entries = [
            text(name) + (module(entry) if isinstance(entry, dict) else entry)
            for name, entry in branch.items()
        ]
        return b"c__torch__.net\nModule\n)\x81}(" + b"".join(entries) + b"ub"

    return b"\x80\x02" + module(tree) + b"."


def write_zip(path, pickled: bytes, tensors: dict) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, values in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{key}", values.tobytes())


def write_torch_file(path, tensors: dict, kind: str = "zip") -> None:
    """Write tensors as torch does: kind "zip", "script", or "legacy" (before torch 1.6)."""
    tensors = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    if kind == "zip":
        write_zip(path, state_dict(tensors, legacy=False), tensors)
    elif kind == "script":
        write_zip(path, script_module(tensors), tensors)
    else:
        keys = b"".join(text(str(key)) for key in range(len(tensors)))
        storages = [
            struct.pack("<q", values.size) + values.tobytes() for values in tensors.values()
        ]
        parts = [*LEGACY_START, state_dict(tensors, legacy=True), b"\x80\x02](" + keys + b"e."]
        path.write_bytes(b"".join(parts + storages))


@pytest.fixture(name="write_torch_file", scope="session")
def _write_torch_file():
    return write_torch_file


@pytest.fixture(name="write_torch_archive", scope="session")
def _write_torch_archive():
    """Write any pickle and any storages as a torch archive."""
    return write_zip


@pytest.fixture(scope="session")
def inception_model() -> keras.Model:
    """An InceptionV3 of images (20, 30, 3) with classes; every test gives it weights first."""
    return inception_network((20, 30, 3), num_classes=1008)
