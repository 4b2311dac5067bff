import numpy as np
import pytest

from kgan.callbacks.every_n_images import EveryNImages


@pytest.mark.parametrize("every", [1, 16, 50, 1000])
def test_it_is_due_at_the_first_step_after_each_multiple(every):
    # Batches of 16 and, at the end of every epoch of 100 images, of 4.
    seen = np.cumsum(([16] * 6 + [4]) * 30)
    pace = EveryNImages(every)
    due = []
    for images in seen:
        if pace.is_due(lambda images=images: images):
            due.append(images)
            pace.count_from(images)
    passed = np.diff(seen // every, prepend=0) > 0
    assert due == list(seen[passed])


def test_what_is_due_stays_due():
    pace = EveryNImages(10)
    assert [pace.is_due(lambda seen=seen: seen) for seen in (4, 8, 12, 16)] == [
        False,
        False,
        True,
        True,
    ]


def test_counting_from_some_images_forgets_what_was_due_before():
    pace = EveryNImages(10)
    pace.count_from(25)
    assert [pace.is_due(lambda seen=seen: seen) for seen in (27, 29, 31)] == [False, False, True]


def test_the_images_are_counted_only_when_it_may_be_due():
    pace, looks = EveryNImages(1000), []
    for images in range(1, 1000):
        pace.is_due(lambda images=images: looks.append(images) or images)
    assert looks == [2**power for power in range(10)]


@pytest.mark.parametrize("first", [1, 3, 64])
def test_a_small_first_batch_delays_nothing(first):
    pace = EveryNImages(10_000)
    seen = np.cumsum([first] + [64] * 400)
    due = next(images for images in seen if pace.is_due(lambda images=images: images))
    assert due == seen[seen >= 10_000][0]
