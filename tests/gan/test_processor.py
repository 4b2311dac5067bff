"""Who trains slowly without need is told so, and nobody else."""

import itertools
import warnings

import keras
import numpy as np
import pytest

import kgan
from kgan.backend import private
from kgan.gan import processor

ONEDNN = "TensorFlow computes without oneDNN here"


class Gan(keras.Model):
    """A model that is told to train as a GAN is."""

    def __init__(self, channels, kernel_size=3, dtype=None):
        super().__init__()
        make = keras.layers.Conv2DTranspose
        # Wrapped, as in a custom layer.
        self.wrapped = keras.layers.TimeDistributed(
            make(channels[1], kernel_size, dtype=dtype), dtype=dtype
        )
        self.wrapped.build((None, 1, 4, 4, channels[0]))
        self.images_seen = keras.Variable(0, dtype="int64")
        self.compile(jit_compile=False)


@pytest.fixture
def off(monkeypatch):
    """A process in which nobody has asked for oneDNN."""
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    monkeypatch.setattr(private, "onednn_is_on", lambda: False)
    monkeypatch.setattr(processor, "SETTINGS", {"TF_ENABLE_ONEDNN_OPTS": "1"})


def told(gan):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        processor.warn_of_slowness(gan)
    return [str(warning.message) for warning in caught]


def test_wide_convolutions_without_onednn_are_warned_of(off, monkeypatch):
    (message,) = told(Gan((64, 64)))
    assert message.startswith(ONEDNN)
    assert "TF_ENABLE_ONEDNN_OPTS=1 before TensorFlow is imported" in message
    # Set after the import it has done nothing.
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert told(Gan((64, 64))) == [message]


def test_nothing_is_said_where_it_is_no_slower_or_was_chosen(off, monkeypatch):
    for gan in (Gan((64, 63)), Gan((63, 64)), Gan((64, 64), kernel_size=1)):
        assert told(gan) == []
    wide = Gan((64, 64))
    with monkeypatch.context() as patch:
        patch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
        assert told(wide) == []
    with monkeypatch.context() as patch:
        patch.setattr(private, "onednn_is_on", lambda: True)
        assert told(wide) == []
    with monkeypatch.context() as patch:
        # Another kind of processor.
        patch.setattr(processor, "SETTINGS", {})
        assert told(wide) == []
    wide.jit_compile = True
    assert told(wide) == []


def test_nothing_is_said_on_a_gpu(off):
    class OnGpu:
        device = "/job:localhost/replica:0/task:0/device:GPU:0"

    wide = Gan((64, 64), dtype="bfloat16")
    wide.__dict__["images_seen"] = type("Variable", (), {"value": OnGpu})
    assert told(wide) == []


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_16_bits_are_warned_of_where_they_are_slower(monkeypatch, dtype):
    gan = Gan((2, 2), dtype=f"mixed_{dtype}")
    monkeypatch.setattr(processor, "_times_as_long", {dtype: 12.6}.get)
    (message,) = told(gan)
    assert message.startswith(f"This GAN's convolutions compute in {dtype}")
    assert "took 13 times as long as in float32" in message
    monkeypatch.setattr(processor, "_times_as_long", {dtype: 1.4}.get)
    assert told(gan) == []


def test_the_fastest_of_some_rounds_is_compared(monkeypatch):
    seconds = itertools.chain([9, 6, 8, 7], [2, 3, 4, 5])
    ticks = itertools.accumulate(itertools.chain.from_iterable((0, each) for each in seconds))
    monkeypatch.setattr(processor.time, "perf_counter", lambda: next(ticks))
    assert processor._times_as_long.__wrapped__("bfloat16") == 6 / 2


def test_fit_warns_before_it_begins(off):
    gan = kgan.GAN(
        keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(64),
                keras.layers.Reshape((1, 1, 64)),
                keras.layers.Conv2DTranspose(64, 2, name="wide"),
                keras.layers.Conv2D(1, 1, activation="tanh"),
            ]
        ),
        keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]),
        latent_dim=2,
    )
    gan.compile(run_eagerly=True)
    with pytest.warns(UserWarning, match=ONEDNN):
        gan.fit(np.float32([-1, 1] * 4).reshape(2, 2, 2, 1), epochs=1, verbose=0)
