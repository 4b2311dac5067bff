"""Replicas take the steps of one device, and what cannot is refused."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import kgan
from kgan.optimizers import paired
from kgan.replication import check_replicable

# What float64 leaves of an equality, after ten steps whose additions came in another order: some
# 2e-16 of each, grown by up to sixty updates.
EXACT = 1e-13
# And what float32 does.
TOLERANCE = 1e-6
CASES = (
    *("k=1", "k=3", "adam", "decay", "loss_scale", "global_clipnorm"),
    *("steps_per_execution=2", "steps_per_execution=5"),
)
# Where steps are long or many, or a limit decides entry by entry, that grows: with k = 5, sixty
# updates, to between 0.9e-6 and 4.0e-6 from six different starts.
STEEP_TOLERANCE = 5e-6
STEEP_CASES = (
    "k=5",
    *("sgd", "schedule", "clipnorm", "clipvalue", "loss_scale_factor"),
    *("loss_scale_and_clipnorm", "loss_scale_and_clipvalue"),
    *("ragan", "hinge", "least_squares", "every_penalty"),
)
OTHERS = (
    *("21 rows", "random_layers", "infinity_on_the_last_replica"),
    *("callbacks", "single_batch"),
)


def run(replicas, *cases, floatx="float32"):
    script = Path(__file__).with_name("replica_cases.py")
    done = subprocess.run(
        [sys.executable, script, str(replicas), floatx, *cases], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def two_replicas():
    return run(2, "together", *OTHERS)


def test_two_replicas_take_the_steps_of_one_device(two_replicas):
    assert max(two_replicas["together"].values()) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replicas", "cases", "tolerance", "floatx"),
    [
        (2, (*CASES, *STEEP_CASES, "together"), EXACT, "float64"),
        (4, (*CASES, *STEEP_CASES, "together"), EXACT, "float64"),
        (2, CASES, TOLERANCE, "float32"),
        (2, STEEP_CASES, STEEP_TOLERANCE, "float32"),
        # Sums of four parts of two rows each round more.
        (4, ("k=3", "global_clipnorm", "together", "every_penalty"), STEEP_TOLERANCE, "float32"),
    ],
)
def test_replicas_take_the_steps_of_one_device_whatever_is_compiled(
    replicas, cases, tolerance, floatx
):
    found = run(replicas, *cases, floatx=floatx)
    differences = {case: max(of_case.values()) for case, of_case in found.items()}
    assert set(differences) == set(cases)
    assert max(differences.values()) < tolerance, differences


def test_a_last_batch_that_replicas_share_unequally_is_evaluated_as_on_one_device(two_replicas):
    one, two = two_replicas["21 rows"]
    assert two == pytest.approx(one, rel=1e-6)


@pytest.mark.slow
def test_a_last_batch_of_one_row_is_evaluated_as_on_one_device():
    one, two = run(2, "17 rows")["17 rows"]
    assert two == pytest.approx(one, rel=1e-6)


def test_a_single_batch_is_refused_on_replicas(two_replicas):
    assert two_replicas["single_batch"] == (
        "train_on_batch and test_on_batch run on one device only: every replica would get the "
        "whole batch. Received: a strategy with 2 replicas. Use fit and evaluate, which share it "
        "out."
    )


def test_dropout_differs_between_replicas_while_its_seed_does_not(two_replicas):
    first, second = two_replicas["random_layers"]["kept"]
    assert first != second
    # A fair coin falls on the same side half of the time: 64 coins, within four deviations.
    agree = sum(a == b for a, b in zip(first[0], second[0], strict=True))
    assert 16 <= agree <= 48
    assert two_replicas["random_layers"]["states"] == [[3, 1], [3, 1]]


def test_an_infinity_on_any_replica_skips_the_update_on_all_and_halves_the_scale(two_replicas):
    found = two_replicas["infinity_on_the_last_replica"]
    assert found == {"weights": [[1.0, 2.0], [1.0, 2.0]], "scale": 8.0}


def test_the_step_is_traced_once_and_taken_once_per_batch(two_replicas):
    found = two_replicas["callbacks"]
    # Four epochs of five batches of 16 rows, in calls of two steps.
    assert (found["traces"], found["steps"], found["images"]) == (1, 20, 320)


def test_callbacks_work_on_replicas_and_what_they_save_loads_on_one_device(two_replicas):
    found = two_replicas["callbacks"]
    # The first of six epochs is the best, and after three more there is enough.
    assert found["lines"] == 1 + 4
    assert found["grids"] == 1 + 4
    # Halved after the second epoch, then held by the lowest rate.
    assert found["rates"] == pytest.approx([0.05, 0.05])
    assert found["loaded"] == 0


def make_gan(*layers):
    generator = keras.Sequential(
        [keras.Input((3,)), *layers, keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))]
    )
    discriminator = kgan.models.small_mlp_discriminator((8, 8, 1), width=4)
    return kgan.GAN(generator, discriminator, latent_dim=3)


def check(gan, d_optimizer="adam", g_optimizer="adam", jit_compile="auto", run_eagerly=False):
    optimizer = paired(d_optimizer, g_optimizer, gan.discriminator, gan.generator)
    check_replicable(gan, optimizer, 2, jit_compile=jit_compile, run_eagerly=run_eagerly)


def test_what_replicas_can_do_is_not_refused():
    norm = keras.layers.BatchNormalization(synchronized=True)
    check(make_gan(norm), keras.optimizers.Adam(clipnorm=1.0, weight_decay=0.1))


def refusal(gan, **options):
    try:
        check(gan, **options)
    except ValueError as refused:
        return str(refused)
    return None


def test_gradient_accumulation_is_refused_for_either_player():
    accumulating = keras.optimizers.Adam(gradient_accumulation_steps=4)
    told = (
        "_optimizer has gradient_accumulation_steps=4, which TensorFlow can run on one device "
        "only. Received: a strategy with 2 replicas. Use larger batches: each replica holds its "
        "part of a batch only."
    )
    assert refusal(make_gan(), d_optimizer=accumulating) == "d" + told
    scaled = keras.optimizers.LossScaleOptimizer(accumulating)
    assert refusal(make_gan(), g_optimizer=scaled) == "g" + told


def test_batch_norm_of_one_replica_is_refused():
    told = refusal(make_gan(keras.layers.BatchNormalization(name="norm")))
    assert told == (
        "The generator's layer 'norm' normalises with the statistics of its own replica's rows "
        "alone, and what is saved are those of the first replica. Received: a strategy with 2 "
        "replicas. Build it with BatchNormalization(synchronized=True), which changes nothing on "
        "one device."
    )


def test_xla_is_refused():
    assert refusal(make_gan(), jit_compile=True) == (
        "jit_compile=True runs on one device only: XLA cannot compile the exchange between "
        "replicas. Received: a strategy with 2 replicas. Leave jit_compile out."
    )


def test_eager_execution_is_refused():
    assert refusal(make_gan(), run_eagerly=True) == (
        "run_eagerly=True runs on one device only: replicas meet inside a compiled step. "
        "Received: a strategy with 2 replicas. Debug outside the strategy's scope, or leave "
        "run_eagerly out."
    )
