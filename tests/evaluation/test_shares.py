import itertools

import numpy as np
import pytest

from kgan.evaluation.shares import most_by_chance
from kgan.evaluation.shares import wilson_interval


@pytest.mark.parametrize(("count", "images"), [(3, 10), (1, 1000), (500, 1000), (20, 21)])
def test_the_ends_of_an_interval_are_the_shares_that_just_fit_what_was_counted(count, images):
    share = count / images
    for end in wilson_interval(share, images):
        # A true share p is refused where the counted one is 1.96 of its standard errors away.
        assert abs(share - end) == pytest.approx(1.959964 * np.sqrt(end * (1 - end) / images))


def test_an_interval_of_nothing_or_all_stays_a_share_and_tells_how_few_images_there_were():
    # z^2 / (n + z^2), and the same from above.
    assert wilson_interval(0.0, 100) == pytest.approx((0, 3.8415 / 103.8415), rel=1e-4, abs=1e-9)
    assert wilson_interval(1.0, 100) == pytest.approx((100 / 103.8415, 1), rel=1e-4)


def test_chance_is_counted_over_all_orders_of_two_draws():
    reals, inside, samples = 6, 2, 12
    counts = []
    for places in itertools.combinations(range(reals + samples), reals):
        # Where the reals stand among all; samples before the second of them lie inside.
        counts.append(places[inside - 1] - (inside - 1))
    at_most = [np.mean(np.array(counts) <= count) for count in range(samples + 1)]
    expected = next(count for count in range(samples + 1) if at_most[count] >= 0.975)
    assert most_by_chance(samples, inside, reals - inside) == expected / samples


def test_of_many_images_chance_is_that_of_both_draws():
    # Standard deviation of a share of 1 % among 1,000 beyond the edge of another 1,000.
    deviation = np.sqrt(2 * 0.01 * 0.99 / 1000)
    assert most_by_chance(1000, 10, 990) == pytest.approx(0.01 + 2 * deviation, rel=0.1)
    assert most_by_chance(100_000, 1000, 99_000) < 0.0111


def test_beyond_an_edge_that_all_others_reach_all_may_lie():
    assert most_by_chance(50, 20, 0) == 1
