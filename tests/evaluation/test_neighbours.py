import numpy as np
import pytest

from kgan._utils.progress import Progress
from kgan.evaluation import neighbours
from kgan.evaluation.neighbours import Closeness
from kgan.evaluation.neighbours import NearestTraining
from kgan.evaluation.neighbours import measure_closeness
from kgan.evaluation.neighbours import nearest_training
from kgan.evaluation.shares import most_by_chance
from kgan.evaluation.shares import wilson_interval


@pytest.fixture
def rows():
    return np.random.default_rng(0).standard_normal((30, 6))


@pytest.fixture(params=[1, 7, 29, 30])
def block(request, monkeypatch):
    """So many training images are compared at a time."""
    monkeypatch.setattr(neighbours, "_BLOCK", request.param)


@pytest.mark.usefixtures("block")
def test_blocks_find_what_a_slow_loop_finds(rows):
    images = np.random.default_rng(1).standard_normal((5, 6))
    found = nearest_training(images, rows, Progress(30))
    for image, distance, index in zip(images, *found, strict=True):
        distances = [np.linalg.norm(image - row) for row in rows]
        assert index == int(np.argmin(distances))
        assert distance == pytest.approx(min(distances))


@pytest.mark.usefixtures("block")
def test_an_image_is_not_its_own_neighbour(rows):
    own = np.array([0, 7, 29, -1])
    found = nearest_training(rows[own], rows, Progress(30), own=own)
    for place, distance, index in list(zip(own, *found, strict=True))[:3]:
        distances = np.linalg.norm(rows - rows[place], axis=1)
        distances[place] = np.inf
        assert (index, distance) == (distances.argmin(), pytest.approx(distances.min()))
    # The last is no training image, so that it may be a copy of one.
    assert (found.indices[3], found.distances[3]) == (29, 0)


@pytest.mark.usefixtures("block")
def test_an_image_that_is_there_twice_has_the_other_for_its_neighbour(rows):
    rows[20] = rows[3]
    found = nearest_training(rows[[3, 20]], rows, Progress(30), own=np.array([3, 20]))
    assert found.indices.tolist() == [20, 3]
    assert found.distances.tolist() == [0, 0]


def test_pixels_are_compared_as_images_between_minus_1_and_1():
    pixels = np.array([[[0, 255]], [[100, 0]]], np.uint8)
    found = nearest_training(pixels[1:], pixels[:1], Progress(1))
    assert found.distances[0] == pytest.approx(np.hypot(100, 255) / 127.5)


def line(*values):
    return np.array(values, float)[:, np.newaxis]


def test_closeness_of_a_worked_example():
    # Training images at 0, 1, 3 and 7 of a line, known by the places 10, 11, 12 and 13.
    samples, training, own = line(0.5, 3, 6), line(0, 1, 3, 7), np.array([0, 3])
    found = measure_closeness(samples, training, np.arange(10, 14), own=own, space="line")
    assert found.fake.indices.tolist() == [10, 12, 13]
    assert found.fake.distances.tolist() == [0.5, 0, 1]
    assert found.real.indices.tolist() == [11, 12]
    assert found.real.distances.tolist() == [1, 4]
    # The next training image is 1, 2 and 4 from those that were found.
    assert found.ratios.tolist() == [0.5, 0, 0.25]
    assert found.real_images == "training images, themselves left out"


def test_held_out_images_have_all_training_images_for_neighbours():
    training, held_out = line(0, 1, 3), line(3)
    found = measure_closeness(line(0.5), training, np.arange(3), held_out=held_out, space="line")
    assert found.real.distances.tolist() == [0]
    assert found.real_images == "held-out images"


def test_where_training_images_are_copies_of_each_other_only_copies_have_the_ratio_0():
    training, held_out = line(0, 0), line(3)
    found = measure_closeness(line(0, 1), training, np.arange(2), held_out=held_out, space="line")
    assert found.ratios.tolist() == [0, np.inf]


def closeness(fake, real):
    fake, real = (
        NearestTraining(np.asarray(side, float), np.zeros(len(side), int)) for side in (fake, real)
    )
    return Closeness("pixels", fake, real, True, 5, np.ones(len(fake.distances)))


def test_copies_are_nearer_than_99_percent_of_reals():
    reals = np.linspace(1, 2, 1000)
    copies = closeness(np.zeros(50), reals)
    assert (copies.close_share, copies.has_copies) == (1, True)
    assert copies.close_interval == pytest.approx((50 / 53.8415, 1), rel=1e-4)
    assert closeness([0, 1.5, 1.6, 1.7], reals).close_share == 0.25
    # Of images like the reals one in a hundred is.
    alike = closeness(reals, reals)
    assert (alike.edge, alike.close_share, alike.has_copies) == (reals[9], 0.01, False)
    assert alike.new_share == 10 / 1001
    assert closeness(reals + 5, reals).close_share == 0


def test_of_few_real_images_the_nearest_is_the_edge_and_more_is_left_to_chance():
    few = closeness(np.full(100, 1.5), [1, 2, 3])
    assert (few.edge, few.new_share, few.close_share) == (1, 1 / 4, 0)
    assert few.most_by_chance > 0.6


def test_copies_count_where_real_images_are_copied_too():
    # A folder with doubles: more than one real image in a hundred lies on another.
    reals = np.concatenate([np.zeros(20), np.linspace(1, 2, 980)])
    doubled = closeness(np.zeros(50), reals)
    assert (doubled.close_share, doubled.new_share) == (1, 20 / 1001)


@pytest.fixture(scope="module")
def cloud():
    """200 training images, as many held-out ones and samples, and what is made of them."""
    training, held_out, new = np.random.default_rng(0).standard_normal((3, 200, 4))

    def made_of(samples, **compared):
        compared = compared or {"held_out": held_out}
        return measure_closeness(samples, training, np.arange(200), **compared, space="x")

    return training, held_out, new, made_of


def test_copies_are_all_close_also_with_a_little_noise(cloud):
    training, _, _, made_of = cloud
    noise = 0.001 * np.random.default_rng(1).standard_normal((200, 4))
    for compared in ({}, {"own": np.arange(200)}):
        found = made_of(training + noise, **compared)
        assert (found.close_share, found.has_copies) == (1, True)


def test_a_few_copies_among_new_samples_are_found(cloud):
    training, _, new, made_of = cloud
    found = made_of(np.concatenate([training[:30], new[30:]]))
    assert found.has_copies
    assert 0.15 <= found.close_share < 0.18


def test_held_out_images_in_place_of_samples_have_the_share_that_is_expected(cloud):
    _, held_out, new, made_of = cloud
    found = made_of(held_out)
    # The two nearest of 200 set the edge.
    assert (found.close_share, found.new_share) == (2 / 200, 2 / 201)
    for compared in ({}, {"own": np.arange(200)}):
        assert not made_of(new, **compared).has_copies


def test_noise_is_near_to_nothing(cloud):
    *_, new, made_of = cloud
    found = made_of(10 * new)
    assert (found.close_share, found.has_copies) == (0, False)


@pytest.mark.parametrize("are_held_out", [True, False])
def test_new_samples_are_called_copies_once_in_40_times_at_most(are_held_out):
    random, calls = np.random.default_rng(0), 0
    for _ in range(200):
        training, held_out, samples = random.standard_normal((3, 100, 2))
        compared = {"held_out": held_out} if are_held_out else {"own": np.arange(100)}
        found = measure_closeness(samples, training, np.arange(100), **compared, space="x")
        calls += found.has_copies
    # Of 1 / 40 of 200 one expects 5, and more than 12 once in 500 times.
    assert calls <= 12


def test_training_images_that_are_each_others_nearest_count_half():
    reals = np.linspace(1, 2, 1000)
    held_out = closeness(np.zeros(1000), reals)
    training = held_out._replace(are_held_out=False)
    assert held_out.most_by_chance == most_by_chance(1000, 10, 990)
    assert training.most_by_chance == most_by_chance(1000, 5, 495) > held_out.most_by_chance


def test_the_numbers_for_json():
    assert closeness([1, 2, 6], [3, 5]).as_dict() == {
        "space": "pixels",
        "real_images": "held-out images",
        "training_images": 5,
        "samples": 3,
        "reals": 2,
        "median_fake_distance": 2,
        "median_real_distance": 4,
        "close_share": pytest.approx(2 / 3),
        "close_share_interval_95": list(wilson_interval(2 / 3, 3)),
        "close_share_without_copies": pytest.approx(1 / 3),
        "close_share_most_by_chance": 1,
    }


def test_a_histogram_holds_every_distance_once():
    real, fake = np.random.default_rng(0).uniform(1, 2, (2, 1000))
    # A few lie far beyond the rest, and are counted at the end.
    fake[:5] = 1000
    edges, real, fake = closeness(fake, real).histogram()
    assert (edges[0], len(edges)) == (0, len(real) + 1)
    assert edges[-1] < 3
    np.testing.assert_allclose([real.sum(), fake.sum()], 1)
    assert fake[-1] >= 0.005
    # All others lie between 1 and 2.
    assert real[edges[1:] <= 1].sum() == 0


def test_copies_alone_have_a_histogram():
    edges, *shares = closeness(np.zeros(10), np.zeros(10)).histogram()
    assert (edges[-1], shares[0][0], shares[1][0]) == (1, 1, 1)


def test_the_closest_samples_are_those_with_the_smallest_ratios():
    found = closeness(np.ones(4), np.ones(4))._replace(ratios=np.array([2.0, 0.5, np.inf, 0.0]))
    assert found.closest(3).tolist() == [3, 1, 0]
