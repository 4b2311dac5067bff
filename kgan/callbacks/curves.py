"""The curves of a training, as a picture that is redrawn while it goes on."""

import json
import os
from pathlib import Path

from keras import ops
from PIL.PngImagePlugin import PngInfo

from kgan._utils.files import check_is_file
from kgan._utils.files import replacing
from kgan._utils.images import open_picture
from kgan.callbacks.base import GANCallback
from kgan.callbacks.base import batches_done
from kgan.callbacks.pictures.curve_picture import DRAWN
from kgan.callbacks.pictures.curve_picture import draw_curves
from kgan.callbacks.pictures.curve_points import CurvePoints
from kgan.callbacks.pictures.curve_points import means_between

_POINTS = "kgan-curves"


class Curves(GANCallback):
    """Draw losses and scores over the real images seen, again after every epoch.

    The logs are running means since the epoch began, and a short training has few epochs. From two
    running means follows the mean over the steps between them: the pale lines, of up to 500 points
    over the whole training. They are exact where all batches have the same size.

    The PNG file carries its points with it. A second `fit`, or a run that resumes, continues the
    curves in the same file from the images its model has seen; points beyond them are
    dropped, so that a model that begins from zero begins an empty picture.

    Args:
        path: the picture, `.png`. Its folder is made if it is missing.

    The picture is drawn while the training goes on, and is there when `fit` ends or a `Backup` is
    written. One that cannot be written, as on a full disk, is told of and does not end the
    training.

    Raises:
        ValueError: if `path` does not end in `.png`.
        OSError: if `path` is a folder, or something else that is no file.

    Example:
        >>> curves = kgan.callbacks.Curves("runs/digits/curves.png")
        >>> gan.fit(dataset, epochs=20, callbacks=[curves])
    """

    def __init__(self, path: str | os.PathLike):
        super().__init__()
        self.path = Path(path)
        if self.path.suffix.lower() != ".png":
            raise ValueError(f"Curves writes a PNG. Expected a path with .png. Received: {path}.")
        check_is_file(path)

    def on_train_begin(self, logs=None):
        self._points = None
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def on_epoch_begin(self, epoch, logs=None):
        # Not in on_train_begin, where BackupAndRestore may yet have to restore the model.
        if self._points is None:
            self._points = _loaded(_read_points(self.path))
            for points in self._points.values():
                points.forget_after(self.images_seen)
        self._drawn = self._newest = 0, {}

    def on_train_batch_end(self, batch, logs=None):
        done = batches_done(self, batch)
        self._newest = done, logs
        # Reading a variable of the model takes longer than the rest of this: not at every step.
        if done - self._drawn[0] >= self._points["steps"].length:
            self._add_steps()

    def on_epoch_end(self, epoch, logs=None):
        self._add_steps()
        self._points["epochs"].add(self.images_seen, 1, _curves_of(logs))
        # Where the loss turns logits into probabilities, the logit 0 has the score 1/2.
        score = float(ops.convert_to_numpy(self.model.loss.scores(ops.zeros(()))))
        # A copy, since the points go on.
        points = _loaded(self._to_dict())
        self._write_in_background(lambda: _write(self.path, points, probabilities=score == 0.5))

    def get_state(self) -> dict | None:
        """What `Backup` keeps: all points, unrounded. None before the first epoch."""
        if self._points is None:
            return None
        self._wait_until_written()
        return {"points": self._to_dict(), "drawn": self._drawn, "newest": self._newest}

    def set_state(self, state: dict) -> None:
        """Go on where `get_state` was asked, whatever the picture has seen since.

        Args:
            state: what `get_state` returned.
        """
        self._points = _loaded(state["points"])
        self._drawn, self._newest = state["drawn"], state["newest"]

    def _add_steps(self) -> None:
        """Add the steps since the last point, if there are any."""
        (before, means_before), (step, logs) = self._drawn, self._newest
        if step > before:
            means = _curves_of(logs)
            values = means_between(before, means_before, step, means)
            self._points["steps"].add(self.images_seen, step - before, values)
            self._drawn = step, means

    def _to_dict(self) -> dict:
        return {name: points.to_dict() for name, points in self._points.items()}


def _write(path: Path, points: dict[str, CurvePoints], *, probabilities: bool) -> None:
    text, carried = PngInfo(), {name: each.to_dict(digits=6) for name, each in points.items()}
    text.add_text(_POINTS, json.dumps(carried), zip=True)
    figure = draw_curves(**points, probabilities=probabilities)
    with replacing(path) as temporary:
        # By default the picture is a little smaller, and takes twice the time.
        figure.canvas.print_png(temporary, pil_kwargs={"pnginfo": text, "compress_level": 1})


def _loaded(points: dict) -> dict[str, CurvePoints]:
    """The points of steps and of epochs, empty where there are none."""
    return {name: CurvePoints(**points.get(name, {})) for name in ("steps", "epochs")}


def _curves_of(logs: dict | None) -> dict:
    return {name: logs[name] for name in logs or {} if name.removeprefix("val_") in DRAWN}


def _read_points(path: Path) -> dict:
    """The points that a picture carries, none if it is not there or not one of these."""
    try:
        check_is_file(path)
        with open_picture(path) as picture:
            return json.loads(picture.text[_POINTS])
    except (OSError, SyntaxError, AttributeError, KeyError, ValueError):
        return {}
