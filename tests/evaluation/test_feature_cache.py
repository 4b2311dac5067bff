import re
import threading
import warnings

import numpy as np
import pytest

from kgan.evaluation.cache import FeatureCache
from kgan.evaluation.cache import key_of
from kgan.features import Features

FEATURES = Features(
    np.arange(12, dtype=np.float32).reshape(4, 3), np.full((4, 2), 0.5, dtype=np.float32)
)
KEY = "a" * 64


def assert_equal(first: Features, second: Features):
    for one, other in zip(first, second, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(one, other)


def test_what_was_saved_is_loaded(tmp_path):
    FeatureCache(tmp_path / "new" / "folder").save(KEY, FEATURES)
    assert_equal(FeatureCache(tmp_path / "new" / "folder").load(KEY), FEATURES)
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [f"{KEY}.features"]


def test_features_without_classes_stay_without(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, Features(FEATURES.features, None))
    assert cache.load(KEY).probabilities is None


def test_a_key_that_was_never_saved_has_no_features(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, FEATURES)
    assert cache.load("b" * 64) is None


def test_a_file_cut_short_anywhere_is_not_used(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, FEATURES)
    content = cache.path(KEY).read_bytes()
    for length in (0, 1, 31, 32, 33, len(content) // 2, len(content) - 1):
        cache.path(KEY).write_bytes(content[:length])
        with pytest.warns(UserWarning, match="damaged"):
            assert cache.load(KEY) is None


def test_a_file_with_a_changed_byte_is_not_used_unless_nothing_depends_on_it(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, FEATURES)
    content = cache.path(KEY).read_bytes()
    places = range(0, len(content), 7)
    unused = 0
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1
        cache.path(KEY).write_bytes(changed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = cache.load(KEY)
        if found is None:
            unused += 1
            assert "damaged" in str(caught[0].message)
        else:
            # A date in the archive, for example.
            assert_equal(found, FEATURES)
    assert unused > len(places) / 2


def test_the_features_of_something_else_are_not_used(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, FEATURES)
    other = "b" * 64
    cache.path(KEY).rename(cache.path(other))
    message = (
        f"The features in {cache.path(other)} are damaged, or those of something else. They are "
        "not used but made again."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        assert cache.load(other) is None


def test_whoever_reads_while_others_write_sees_a_whole_file(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, FEATURES)
    writers = [
        threading.Thread(target=lambda: [cache.save(KEY, FEATURES) for _ in range(20)])
        for _ in range(2)
    ]
    for writer in writers:
        writer.start()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        while any(writer.is_alive() for writer in writers):
            assert_equal(cache.load(KEY), FEATURES)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_in_place_of_the_folder(tmp_path):
    path = tmp_path / "file"
    path.touch()
    message = f"cache_dir must be a folder for files of features. Received: {path}, a file."
    with pytest.raises(NotADirectoryError, match=f"^{re.escape(message)}$"):
        FeatureCache(path)


def test_equal_pixels_and_equal_extractors_have_one_key(make_pixels, make_extractor):
    key = key_of(make_pixels(5), make_extractor())
    scattered = np.repeat(make_pixels(5), 2, axis=0)[::2]
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert key_of(scattered, make_extractor()) == key


def test_what_features_depend_on_changes_the_key(make_pixels, make_extractor):
    pixels, extractor = make_pixels(6), make_extractor()
    one_level = pixels.copy()
    one_level[3, 2, 1] += 1
    retrained = make_extractor()
    retrained.model.layers[-1].kernel.assign(retrained.model.layers[-1].kernel * 2)
    keys = [
        key_of(pixels, extractor),
        key_of(one_level, extractor),
        key_of(pixels[:5], extractor),
        key_of(pixels[::-1], extractor),
        key_of(pixels.reshape(6, 2, 8, 1), extractor),
        key_of(pixels, make_extractor("another")),
        key_of(pixels, make_extractor(scale=2.0)),
        key_of(pixels, retrained),
    ]
    assert len(set(keys)) == len(keys)
