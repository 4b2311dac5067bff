"""What a measure keeps of a sample: its moments, or its rows."""

import numpy as np

# Rows that are merged at a time: few enough that their float64 copy stays small, enough that the
# merge of a wide covariance costs little beside its product.
_BLOCK = 2048


class Moments:
    """Count, mean and covariance of all rows so far, in float64; memory does not grow.

    Blocks of rows are merged by the update of Chan, Golub and LeVeque (1983), which does not
    subtract large sums from each other. Rows wait until they fill a block, so that many small
    batches cost what one large one costs. All are taken relative to the first row: the variance of
    a constant entry is 0, without rounding.

    Attributes:
        count: int, rows so far.
        shape: of one row; None before the first.
    """

    def __init__(self):
        self.count = 0
        self.shape = None
        self._waiting = []
        self._merged = 0
        self._origin = None
        self._mean = self._scatter = 0.0

    @property
    def mean(self) -> np.ndarray:
        """The mean of the rows, at least one, float64 (width,)."""
        self._merge_all()
        return self._origin + self._mean

    def update(self, rows: np.ndarray) -> None:
        """Count more rows.

        Args:
            rows: float array (rows, width), of one width.
        """
        if self._origin is None:
            self.shape = rows.shape[1:]
            self._origin = rows[0].astype(np.float64)
        self.count += len(rows)
        # A copy: whoever gave the rows may fill their array anew.
        self._waiting.append(np.array(rows))
        if self.count - self._merged >= _BLOCK:
            self._merge_all()

    def covariance(self) -> np.ndarray:
        """The unbiased covariance of the rows, at least two, float64 (width, width)."""
        self._merge_all()
        return self._scatter / (self.count - 1)

    def _merge_all(self) -> None:
        if self._waiting:
            rows = np.concatenate(self._waiting)
            self._waiting = []
            for start in range(0, len(rows), _BLOCK):
                self._merge(rows[start : start + _BLOCK] - self._origin)

    def _merge(self, rows: np.ndarray) -> None:
        total = self._merged + len(rows)
        mean = rows.mean(axis=0)
        rows -= mean
        difference = mean - self._mean
        scatter = rows.T @ rows
        scatter += np.outer(difference, difference * (self._merged * len(rows) / total))
        scatter += self._scatter
        self._scatter = scatter
        self._mean = self._mean + difference * (len(rows) / total)
        self._merged = total


class Rows:
    """All rows so far, as they came: for measures that compare single samples.

    Attributes:
        count: int, rows so far.
        shape: of one row; None before the first.
    """

    def __init__(self):
        self.count = 0
        self.shape = None
        self._batches = []

    def update(self, rows: np.ndarray) -> None:
        """Keep more rows.

        Args:
            rows: float array (rows, ...), of one shape.
        """
        self.shape = rows.shape[1:]
        # A copy: whoever gave the rows may fill their array anew.
        self._batches.append(np.array(rows))
        self.count += len(rows)

    def all(self) -> np.ndarray:
        """One array of all rows.

        Raises:
            ValueError: if there are none.
        """
        if not self._batches:
            raise ValueError("There are no rows yet. Give some to update_state().")
        self._batches = [np.concatenate(self._batches)]
        return self._batches[0]
