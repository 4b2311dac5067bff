import threading

import pytest

from kgan._utils.beside import Beside


def test_it_is_begun_at_once_and_waited_for():
    begun, may_end, done = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        assert may_end.wait(60)
        done.append(1)

    beside = Beside(work)
    assert begun.wait(60)
    assert not done
    may_end.set()
    beside.wait()
    assert done == [1]


def test_what_it_raises_is_raised_where_it_is_waited_for():
    def fail():
        raise OSError("the disk is full")

    beside = Beside(fail)
    with pytest.raises(OSError, match="the disk is full"):
        beside.wait()
