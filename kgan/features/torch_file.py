"""The tensors of a torch file, read without torch and without running what the file says."""

import collections
import io
import pickle
import re
import zipfile
from typing import NamedTuple

import numpy as np

# A pickled 0x1950a86a20f9469cfc6c, with which torch.save began until 1.6.
LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

# Float32 are all tensors of FID's network, int64 the batches that batch norm has counted.
_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _Lazy(NamedTuple):
    """A tensor whose storage may follow later in the file."""

    key: str
    count: int
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def torch_tensors(file: io.BufferedIOBase) -> dict[str, np.ndarray]:
    """The tensors of a torch file by their names.

    A torch file is a pickle, which may run anything when it is loaded. This reader knows a handful
    of names, builds nothing but tensors, dicts and empty modules from them, and refuses every
    other.

    Args:
        file: open binary file, seekable: a state dict or a TorchScript module as a zip archive, or
            a state dict in the format before torch 1.6.

    Returns:
        Dict from names ("Mixed_5b.branch1x1.conv.weight") to float32 or int64 arrays.

    Raises:
        ValueError: if the file is damaged, or names anything else.
    """
    legacy = file.read(len(LEGACY_MAGIC)) == LEGACY_MAGIC
    file.seek(0)
    read = _read_legacy if legacy else _read_zip
    try:
        return read(file)
    except ValueError:
        raise
    except Exception as error:
        # A damaged pickle raises whatever its bytes lead to.
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _read_zip(file) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(pickles) != 1:
            raise ValueError(f"it holds {len(pickles)} files data.pkl, and torch writes one")
        root = pickles[0].removesuffix("data.pkl")
        tensors = _named(_closed_unpickler(io.BytesIO(_entry(archive, pickles[0]))).load())
        dtypes = {lazy.key: lazy.dtype for lazy in tensors.values()}
        storages = {
            key: np.frombuffer(_entry(archive, f"{root}data/{key}"), dtype)
            for key, dtype in dtypes.items()
        }
    return {name: _array(name, lazy, storages[lazy.key]) for name, lazy in tensors.items()}


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    # Stored as they are, so that no small file becomes a large one.
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed, which torch never does")
    return archive.read(info)


def _read_legacy(file) -> dict[str, np.ndarray]:
    # Magic number, protocol version and the machine's byte order come first.
    for _ in range(3):
        _closed_unpickler(file).load()
    tensors = _named(_closed_unpickler(file).load())
    dtypes = {lazy.key: lazy.dtype for lazy in tensors.values()}
    storages = {}
    for key in _closed_unpickler(file).load():
        count = int.from_bytes(_exactly(file, 8), "little")
        dtype = np.dtype(dtypes[key])
        storages[key] = np.frombuffer(_exactly(file, count * dtype.itemsize), dtype)
    return {name: _array(name, lazy, storages[lazy.key]) for name, lazy in tensors.items()}


def _exactly(file, count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise ValueError("it ends in the middle of a tensor")
    return data


def _array(name: str, lazy: _Lazy, storage: np.ndarray) -> np.ndarray:
    """The values of a tensor, checked to lie inside its storage."""
    shape, strides = lazy.shape, lazy.strides
    sizes = (*shape, *strides, lazy.offset)
    if any(type(size) is not int or size < 0 for size in sizes) or len(shape) != len(strides):
        raise ValueError(f"the tensor {name!r} has no valid shape")
    last = lazy.offset + sum(
        max(size - 1, 0) * step for size, step in zip(shape, strides, strict=True)
    )
    count = int(np.prod(shape, dtype=object))
    # No more values than the storage has: a stride of 0 could ask for any number.
    if last >= len(storage) or count > len(storage) or len(storage) != lazy.count:
        raise ValueError(f"the tensor {name!r} does not lie in its {len(storage)} stored values")
    steps = [step * storage.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(storage[lazy.offset :], shape, steps).copy()


def _closed_unpickler(file) -> pickle.Unpickler:
    """An unpickler that knows the names a torch file of tensors needs, and no others.

    What it builds are stand-ins made for this one reading, so that nothing a file does to them
    lasts.
    """

    class Module:
        def __setstate__(self, state):
            self.__dict__.update(state)

    def tensor(storage, offset, shape, strides, *_):
        return _Lazy(*storage, offset, tuple(shape), tuple(strides))

    known = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): tensor,
        ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
        ("torch.jit._pickle", "build_intlist"): list,
        **{("torch", name): dtype for name, dtype in _DTYPES.items()},
    }

    class Closed(pickle.Unpickler):
        def find_class(self, module, name):
            if module.startswith("__torch__."):
                return Module
            if (module, name) not in known:
                raise ValueError(f"it names {module}.{name}, which no file of tensors needs")
            return known[module, name]

        def persistent_load(self, identity):
            _, dtype, key, _, count, *view = identity
            if view not in ([], [None]):
                raise ValueError("its storages are views of others")
            return key, count, dtype

    return Closed(file)


def _named(content) -> dict[str, _Lazy]:
    """The tensors of a state dict, or of a module and the modules in it."""
    tensors, seen = {}, set()
    waiting = [("", content)]
    while waiting:
        prefix, holder = waiting.pop()
        if isinstance(holder, _Lazy):
            tensors[prefix] = holder
        elif id(holder) not in seen and (members := _members(holder)):
            seen.add(id(holder))
            start = f"{prefix}." if prefix else ""
            waiting.extend((f"{start}{name}", member) for name, member in members.items())
    return tensors


def _members(holder) -> dict:
    return holder if isinstance(holder, dict) else getattr(holder, "__dict__", {})
