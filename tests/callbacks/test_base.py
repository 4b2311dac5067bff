import re

import keras
import numpy as np
import pytest

from kgan.callbacks import Curves
from kgan.callbacks import SampleGrid
from kgan.callbacks.base import GANCallback
from kgan.callbacks.base import batches_done


@pytest.mark.parametrize("make", [SampleGrid, lambda folder: Curves(folder / "curves.png")])
def test_a_model_that_is_no_gan_is_refused_before_training(tmp_path, make):
    callback = make(tmp_path)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)], name="regression")
    model.compile(loss="mse")
    message = (
        f"{type(callback).__name__} watches a kgan.GAN. Received: 'regression', a Sequential. "
        "Pass this callback to the fit() of a kgan.GAN."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        model.fit(np.zeros((1, 1)), np.zeros((1, 1)), verbose=0, callbacks=[callback])


def test_images_seen_are_those_of_all_fits(quick_gan, make_dataset):
    gan, callback = quick_gan(), GANCallback()
    gan.fit(make_dataset(48), epochs=2, verbose=0, callbacks=[callback])
    gan.fit(make_dataset(24), epochs=1, verbose=0, callbacks=[callback])
    assert callback.images_seen == 2 * 48 + 24


def test_no_more_batches_are_done_than_the_epoch_has():
    callback = keras.callbacks.Callback()
    # Before it is told anything.
    assert batches_done(callback, 3) == 4
    callback.set_params({"steps": None})
    assert batches_done(callback, 3) == 4
    callback.set_params({"steps": 10})
    # In calls of four the last one is said to end with batch 11, of which there is none.
    assert [batches_done(callback, batch) for batch in (3, 7, 11)] == [4, 8, 10]
