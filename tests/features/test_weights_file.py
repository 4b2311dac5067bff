import re

import keras
import numpy as np
import pytest

from kgan._utils.arrays_file import DamagedFileError
from kgan.features.weights_file import load_weights
from kgan.features.weights_file import save_weights


def model(units=3):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])


def values(network):
    return [keras.ops.convert_to_numpy(weight) for weight in network.weights]


def test_weights_and_facts_come_back(tmp_path):
    saved, loaded = model(), model()
    save_weights(tmp_path / "a.npz", saved, {"accuracy": 0.25, "key": "k"})
    assert load_weights(tmp_path / "a.npz", loaded) == {"accuracy": 0.25, "key": "k"}
    for before, after in zip(values(saved), values(loaded), strict=True):
        np.testing.assert_array_equal(after, before)


def test_many_weights_keep_their_order(tmp_path):
    def deep():
        return keras.Sequential([keras.Input((1,)), *(keras.layers.Dense(1) for _ in range(12))])

    saved, loaded = deep(), deep()
    save_weights(tmp_path / "a.npz", saved, {})
    load_weights(tmp_path / "a.npz", loaded)
    for before, after in zip(values(saved), values(loaded), strict=True):
        np.testing.assert_array_equal(after, before)


def test_half_precision_rounds_and_is_smaller(tmp_path):
    saved, loaded = model(1000), model(1000)
    save_weights(tmp_path / "full.npz", saved, {})
    save_weights(tmp_path / "half.npz", saved, {}, dtype="float16")
    load_weights(tmp_path / "half.npz", loaded)
    # float16 keeps 11 bits.
    np.testing.assert_allclose(values(loaded)[0], values(saved)[0], rtol=2**-11, atol=1e-7)
    sizes = [(tmp_path / name).stat().st_size for name in ("half.npz", "full.npz")]
    assert sizes[0] < 0.6 * sizes[1]


def test_equal_weights_make_equal_files(tmp_path):
    network = model()
    save_weights(tmp_path / "a.npz", network, {"b": 1, "a": 2})
    save_weights(tmp_path / "b.npz", network, {"a": 2, "b": 1})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def refused(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


def test_a_file_with_any_byte_changed_gives_the_same_weights_or_is_refused(tmp_path):
    # A byte that nothing depends on, such as a date in the archive, may change unseen.
    path = tmp_path / "a.npz"
    saved, loaded = model(), model()
    save_weights(path, saved, {"accuracy": 0.5})
    whole = path.read_bytes()
    positions = range(0, len(whole), 11)
    refusals = []
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            facts = load_weights(path, loaded)
        except ValueError as error:
            refusals.append(str(error))
        else:
            assert facts == {"accuracy": 0.5}
            np.testing.assert_array_equal(values(loaded)[0], values(saved)[0])
    assert all(text.startswith(f"{path} ") for text in refusals)
    assert len(refusals) > len(positions) / 2


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_file_cut_short(tmp_path, keep):
    path = tmp_path / "a.npz"
    save_weights(path, model(), {})
    path.write_bytes(path.read_bytes()[:keep])
    network = model()
    before = values(network)
    with pytest.raises(DamagedFileError, match=f"^{re.escape(str(path))} is damaged: "):
        load_weights(path, network)
    np.testing.assert_array_equal(values(network)[0], before[0])


def test_an_archive_of_something_else(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, weight_00=np.zeros((4, 3)), weight_01=np.zeros(3))
    with refused(f"{path} was not written by kgan."):
        load_weights(path, model())


def test_weights_of_another_architecture(tmp_path):
    path = tmp_path / "a.npz"
    save_weights(path, model(5), {})
    message = (
        f"The weight file {path} belongs to another architecture. Expected: weights of the shapes "
        "[(4, 3), (3,)]. Received: [(4, 5), (5,)]."
    )
    with refused(message):
        load_weights(path, model(3))


def test_weights_of_another_key_are_not_read_into_the_model(tmp_path):
    path = tmp_path / "a.npz"
    save_weights(path, model(), {"key": "a"})
    network = model()
    before = values(network)
    message = f"The weight file {path} belongs to something else. Expected: the key b. Received: a."
    with refused(message):
        load_weights(path, network, key="b")
    np.testing.assert_array_equal(values(network)[0], before[0])
    assert load_weights(path, network, key="a") == {"key": "a"}


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        load_weights(tmp_path / "missing.npz", model())
