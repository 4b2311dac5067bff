"""Pictures of what the generator makes, while it learns."""

import io
import os
from pathlib import Path

import numpy as np

from kgan._utils import checks
from kgan._utils import images
from kgan._utils.animation import write_animation
from kgan._utils.files import replacing
from kgan.callbacks.base import GANCallback
from kgan.callbacks.every_n_images import EveryNImages
from kgan.data.store import Images

# A grid of large images gets fewer columns, so that it is about this wide: a screen, in pixels.
_WIDTH = 1280
# As many as a film shows.
_MOST_GRIDS = 200
_PICTURES = f"images-{'[0-9]' * 9}.png"


class SampleGrid(GANCallback):
    """Write a grid of samples from the same latents before training, during it and after it.

    The files are `images-000012800.png`, after 12,800 real images, and so on, and `latest.png`, a
    second copy of the newest. When training ends all grids become one animation, `samples.webp`;
    after Ctrl-C, where Keras does not call it, call `on_train_end()` yourself to make it.
    None of these files is ever there by half. They are written while the training goes on, and all
    are there when `fit` ends or a `Backup` is written. Before training, a grid that cannot be
    written is an error; later, as on a full disk, it is told of and does not end the training.

    So that a long training does not fill the disk, about 200 grids stay: of more, those nearest to
    others are removed, and the rest lie about evenly over the training.

    A GAN with classes fills row c with samples of class c. Training that goes on in the same
    folder, in a second `fit` or after a restart, goes on with the same latents, and the animation
    begins with the grids that are there already, up to the images the model had seen.

    Args:
        folder: where the pictures go. It is made if it is missing.
        rows: int, rows of the grid. Default: one per class, but at most 20; without classes as many
            as columns.
        columns: int, columns of the grid. Default: 10, fewer (at least 4) for images over
            128 pixels wide.
        every_n_images: int, a grid at the first step after each multiple of so many real images.
            None, the default: one after every epoch.
        seed: int, of the latents.
        truncation: float, as in `GAN.generate`; None, the default: not truncated.
        animation: "webp", "gif" or None for no animation.
        reals: `kgan.data.Images`, the data. Before training as many of them, laid out in the same
            way, are written to `reals.png`: a wrong crop is seen there, and what samples should
            look like. A class with fewer than `columns` images repeats them. None, the default:
            there is no such file.

    Raises:
        ValueError: if `rows`, `columns` or `every_n_images` is no positive integer or `animation`
            is unknown; when training begins, if the images cannot be shown, there are more rows
            than classes, `reals` have another shape or fewer classes, or another SampleGrid has the
            same folder.
        NotADirectoryError: if `folder` is a file.

    Example:
        >>> samples = kgan.callbacks.SampleGrid("runs/digits/samples")
        >>> gan.fit(dataset, epochs=20, callbacks=[samples])
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        rows: int | None = None,
        columns: int | None = None,
        every_n_images: int | None = None,
        seed: int = 0,
        truncation: float | None = None,
        animation: str | None = "webp",
        reals: Images | None = None,
    ):
        super().__init__()
        self.rows = self.columns = self.every_n_images = None
        counts = {"rows": rows, "columns": columns, "every_n_images": every_n_images}
        for name, value in counts.items():
            if value is not None:
                setattr(self, name, checks.check_positive_integer(name, value))
        if animation not in ("webp", "gif", None):
            raise ValueError(
                f'animation must be "webp", "gif" or None. Received: animation={animation!r}.'
            )
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(
                f"SampleGrid writes many pictures and needs a folder. Received: {folder}, a file."
            )
        self.seed = checks.check_seed(seed)
        self.truncation = truncation
        self.animation = animation
        self.reals = reals
        self._pictures = None

    def on_train_begin(self, logs=None):
        given = self.model.callbacks_of_fit
        # Those of an earlier `fit` do not matter to a loop of one's own.
        for other in given if self in given else ():
            is_another = isinstance(other, SampleGrid) and other is not self
            if is_another and other.folder.resolve() == self.folder.resolve():
                raise ValueError(
                    "Two SampleGrids would write over each other's pictures. Expected: a folder "
                    f"for each. Received: {self.folder} twice. Choose another folder for one."
                )
        self._shape = _grid_shape(self.model, self.rows, self.columns)
        if self.reals is not None:
            self._check_reals()
        self._pictures = None
        self._has_begun = False
        self._due = EveryNImages(self.every_n_images)

    def on_epoch_begin(self, epoch, logs=None):
        # Not in on_train_begin, where BackupAndRestore may yet have to restore the model.
        if self._has_begun:
            return
        self._has_begun = True
        grids, now = sorted(self.folder.glob(_PICTURES)), self._path(self.images_seen)
        if self._pictures is None:
            # Those of this model's past.
            self._pictures = [path for path in grids if path < now]
            if self.reals is not None:
                self._write_reals()
            self._write_grid(in_background=False)
        else:
            for path in grids:
                # That of now, too, if it was only the last of a run that has become longer.
                if path >= now and path not in self._pictures:
                    path.unlink(missing_ok=True)

    def on_train_batch_end(self, batch, logs=None):
        if self._due.is_due(lambda: self.images_seen):
            self._write_grid()

    def on_epoch_end(self, epoch, logs=None):
        if self.every_n_images is None:
            self._write_grid()

    def on_train_end(self, logs=None):
        # There was no epoch if the run that BackupAndRestore restored was complete.
        if self._pictures is None:
            return
        self._wait_until_written()
        with self._without_ending_the_training():
            self._write_grid(in_background=False)
            if self.animation is not None:
                write_animation(self._pictures, self.folder / f"samples.{self.animation}")

    def get_state(self) -> dict | None:
        """What `Backup` keeps: the grids of this training. None before the first."""
        if self._pictures is None:
            return None
        self._wait_until_written()
        names = [path.name for path in self._pictures]
        return {"folder": self.folder.resolve().name, "pictures": names}

    def set_state(self, state: dict) -> None:
        """Go on where `get_state` was asked: all grids that were due then are there.

        When an epoch begins, grids of more images than the model has seen are removed: the steps
        that led to them are taken again, and where an interruption wrote one, none may be due.
        In a folder that is not the one of then, nothing is removed.

        Args:
            state: what `get_state` returned.
        """
        pictures = [self.folder / name for name in state["pictures"]]
        found = [path for path in pictures if path.exists()]
        is_same = state.get("folder") == self.folder.resolve().name
        # Of many, those that are gone had made room for later ones, and would do so again.
        if not is_same or (len(found) < len(pictures) and len(pictures) < _MOST_GRIDS // 2):
            return
        self._pictures = found
        self._due.count_from(self.images_seen)

    def _write_grid(self, *, in_background: bool = True) -> None:
        """Write the samples of now, unless they are: the files while the training goes on."""
        self._wait_until_written()
        seen = self.images_seen
        self._due.count_from(seen)
        path = self._path(seen)
        if self._pictures and self._pictures[-1] == path:
            return
        rows, columns, labels = self._shape
        samples = self.model.generate(
            rows * columns, seed=self.seed, labels=labels, truncation=self.truncation
        )

        def write():
            # A last grid comes at no even distance.
            if in_background and len(self._pictures) >= _MOST_GRIDS:
                self._make_room()
            self._write(path, samples)

        self._write_in_background(write) if in_background else write()

    def _make_room(self) -> None:
        """Remove the grid whose neighbours are nearest to each other."""
        seen = [int(path.stem.removeprefix("images-")) for path in self._pictures]
        between = [after - before for before, after in zip(seen, seen[2:], strict=False)]
        self._pictures.pop(1 + between.index(min(between))).unlink(missing_ok=True)

    def _write(self, path: Path, samples: np.ndarray) -> None:
        png = _png(images.to_uint8(samples), *self._shape[:2])
        for target in (path, self.folder / "latest.png"):
            with replacing(target) as temporary:
                temporary.write_bytes(png)
            if target == path:
                self._pictures.append(path)

    def _check_reals(self) -> None:
        gan, reals = self.model, self.reals
        expected = tuple(gan.image_shape), gan.num_classes or 0
        received = tuple(reals.image_shape), reals.num_classes or 0
        if received[0] != expected[0] or received[1] < expected[1]:
            raise ValueError(
                f"reals are the data that this GAN learns from. Expected: images {expected[0]} of "
                f"{expected[1]} classes. Received: images {received[0]} of {received[1]} classes. "
                "Pass the kgan.data.Images whose batches fit is given, or leave reals out."
            )

    def _write_reals(self) -> None:
        rows, columns, _ = self._shape
        groups, each = [np.arange(len(self.reals))], rows * columns
        if self.model.num_classes is not None:
            # The place of a class without images stays white.
            found = (np.flatnonzero(self.reals.labels == label) for label in range(rows))
            groups, each = [group if len(group) else [-1] for group in found], columns
        draws = np.random.default_rng(self.seed)
        chosen = np.concatenate([np.resize(draws.permutation(group), each) for group in groups])
        pixels = np.where(chosen[:, None, None, None] < 0, np.uint8(255), self.reals.images[chosen])
        with replacing(self.folder / "reals.png") as temporary:
            temporary.write_bytes(_png(pixels, rows, columns))

    def _path(self, seen: int) -> Path:
        return self.folder / f"images-{seen:09d}.png"


def _png(pixels: np.ndarray, rows: int, columns: int) -> bytes:
    """The file of a grid of images."""
    file = io.BytesIO()
    picture = images.to_picture(images.tile(images.enlarge(pixels), rows, columns))
    # A tenth larger than by default, in a quarter of the time.
    picture.save(file, format="png", compress_level=1)
    return file.getvalue()


def _grid_shape(gan, rows: int | None, columns: int | None) -> tuple:
    """(rows, columns, labels of the samples or None) for the images this GAN makes."""
    if len(gan.image_shape) != 3:
        raise ValueError(
            "SampleGrid shows images of shape (height, width, channels). "
            f"This GAN makes samples of shape {gan.image_shape}. Leave the callback out."
        )
    images.check_channels(gan.image_shape[-1])
    columns = columns or min(10, max(4, _WIDTH // (gan.image_shape[1] or 1)))
    if gan.condition_shape is not None:
        rows = rows or columns
        if gan.reference_labels is None:
            raise ValueError(
                "SampleGrid shows samples under conditions of the data, and these data cannot be "
                "looked into before training. Pass fit a tf.data.Dataset or arrays, or leave the "
                "callback out."
            )
        labels = np.resize(gan.reference_labels, (rows * columns, *gan.condition_shape))
        return rows, columns, labels
    if gan.num_classes is None:
        return rows or columns, columns, None
    rows = rows or min(20, gan.num_classes)
    if rows > gan.num_classes:
        raise ValueError(
            f"SampleGrid shows one class in each row, and this GAN has {gan.num_classes} classes. "
            f"Received: rows={rows}. Take more columns to see more samples of a class."
        )
    return rows, columns, np.repeat(np.arange(rows), columns)
