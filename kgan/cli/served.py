"""A generator behind TensorFlow Serving, asked over REST.

gRPC would need tensorflow-serving-api and grpcio on the machine that asks;
deploy/serving/grpc_client.py is for those who have them.
"""

import base64
import concurrent.futures
import contextlib
import http.client
import io
import json
import math
import re
import threading
import urllib.error
import urllib.request

import numpy as np

from kgan._utils.images import open_picture
from kgan.cli.command import in_one_line
from kgan.export.signatures import LABELS_TO_CLASSES

# One model of a server: its newest version, one version, or the version of a label.
ADDRESS = re.compile(r"https?://[^/\s]+/v1/models/[^/\s:]+(/versions/\d+|/labels/[^/\s:]+)?")
# Seconds until a server that says nothing is given up, and one that is still saying it.
PATIENCE, PATIENCE_IN_ALL = 60, 300
# Bytes of an answer: without images, for each value of an image in digits, and at most.
FEW_BYTES, BYTES_OF_A_VALUE, MOST_BYTES = 2**22, 16, 2**29
# Letters of what a server says of an error.
MOST_LETTERS = 1000
MOST_PIXELS_A_SIDE = 4096
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class ServedGenerator:
    """A generator behind a server: seeds to pixels.

    Args:
        address: str, http://<host>:<port>/v1/models/<name>, with /versions/<number> or
            /labels/<label> after it for another version than the newest.

    Attributes:
        num_classes: int, None for a generator of latents alone.
        image_shape: (height, width, channels).
    """

    def __init__(self, address: str):
        self.address = address
        self._signatures = read_signatures(address)
        self.image_shape = image_shape_of(self._signatures, address)
        takes_labels = "label" in self._signatures["generate"]["inputs"]
        self.num_classes = self._read_num_classes() if takes_labels else None

    def pixels(self, seeds, labels, truncation: float | None) -> np.ndarray:
        """Images of seeds, as uint8 (n, height, width, channels)."""
        inputs = {"seed": list(seeds)}
        if labels is not None:
            inputs["label"] = labels
        # The same pixels in fewer bytes than as decimal numbers.
        name = "generate_png" if "generate_png" in self._signatures else "generate"
        if truncation is not None:
            name, inputs["truncation"] = "generate_truncated", [truncation] * len(seeds)
        body = {"signature_name": name, "inputs": inputs}
        expected = (len(seeds), *self.image_shape)
        most = min(MOST_BYTES, FEW_BYTES + BYTES_OF_A_VALUE * math.prod(expected))
        answer = ask(f"{self.address}:predict", body, most)
        try:
            return decode(answer["outputs"], expected)
        # What lists and pictures can be wrong in has many names.
        except Exception as error:
            raise OSError(
                f"{self.address} answers with something else than {len(seeds)} images of the shape "
                f"{self.image_shape}: {in_one_line(error)}."
            ) from error

    def _read_num_classes(self) -> int:
        # Not found out by labels out of range: a server that merges requests would fail those of
        # others beside them.
        with contextlib.suppress(KeyError, TypeError, ValueError, IndexError):
            one_hot = self._signatures[LABELS_TO_CLASSES]["outputs"]["one_hot"]
            number = int(one_hot["tensor_shape"]["dim"][1]["size"])
            if number > 0:
                return number
        raise OSError(
            f"{self.address} takes labels, and does not say how many classes there are. Export the "
            "generator anew."
        )


def read_signatures(address: str) -> dict:
    """The signatures of the served model by name, as TensorFlow's SignatureDef in JSON.

    Raises:
        OSError: there is no such server or model, or the model is no generator of kgan's.
    """
    answer = ask(f"{address}/metadata")
    with contextlib.suppress(KeyError, TypeError):
        signatures = answer["metadata"]["signature_def"]["signature_def"]
        # What every export of kgan offers.
        if "seed" in signatures["generate"]["inputs"]:
            return signatures
    raise OSError(f"{address} has no signature 'generate' of seeds: kgan has not exported it.")


def image_shape_of(signatures: dict, address: str) -> tuple[int, int, int]:
    """The shape of the images that a served model makes, as its signatures say it.

    Raises:
        OSError: they do not say it, or it is none of images.
    """
    with contextlib.suppress(KeyError, TypeError, ValueError):
        dims = signatures["generate"]["outputs"]["images"]["tensor_shape"]["dim"]
        _, *shape = (int(dim["size"]) for dim in dims)
        height, width, channels = shape
        if 0 < min(height, width) <= max(height, width) <= MOST_PIXELS_A_SIDE and channels in MODES:
            return height, width, channels
    raise OSError(
        f"{address} does not say that its images are of one size, of at most {MOST_PIXELS_A_SIDE} "
        "pixels a side, in grey or colour."
    )


def ask(address: str, body: dict | None = None, most: int = FEW_BYTES) -> dict:
    """The server's answer to a GET, or to a POST of `body`.

    Args:
        address: str, of one thing to ask for.
        body: dict, what is asked; None for nothing.
        most: int, how many bytes the answer may have.

    Raises:
        ValueError: the answer is 400, for instance because a label is out of range.
        OSError: every other failure.
    """
    data = None if body is None else json.dumps(body).encode()
    # In a thread that can be left to itself: a server may go on with a byte a second for ever.
    asked = concurrent.futures.Future()
    threading.Thread(target=_send, args=(address, data, most + 1, asked), daemon=True).start()
    try:
        code, content = asked.result(PATIENCE_IN_ALL)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        if not asked.done():
            reason = f"no whole answer came in {PATIENCE_IN_ALL} s"
        raise OSError(
            f"{address} cannot be reached: {reason}. Is the server running, and is this its port "
            "for REST, 8501 if nothing else was said?"
        ) from error
    if code != 200:
        said = " ".join(content[:MOST_LETTERS].decode(errors="replace").split())
        raise (ValueError if code == 400 else OSError)(f"{address} answers {code}: {said}")
    with contextlib.suppress(ValueError, RecursionError):
        answer = json.loads(content) if len(content) <= most else None
        if isinstance(answer, dict):
            return answer
    raise OSError(
        f"{address} answers, but not as TensorFlow Serving does. Expected: a JSON object of at "
        f"most {most:,} bytes."
    )


def _send(address: str, data: bytes | None, most: int, asked: concurrent.futures.Future) -> None:
    """Put the status of the answer and its first bytes into `asked`."""
    try:
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            asked.set_result((answer.status, answer.read(most)))
    except urllib.error.HTTPError as error:
        asked.set_result((error.code, error.read(MOST_LETTERS)))
    except BaseException as error:
        asked.set_exception(error)


def decode(rows: list, expected: tuple[int, int, int, int]) -> np.ndarray:
    """The pixels of an answer's rows: PNG in base64 each, or nested lists of whole numbers.

    Args:
        rows: list of dicts or lists.
        expected: (rows, height, width, channels).

    Returns:
        uint8 array of this shape.

    Raises:
        ValueError: of another kind or shape. A picture is not unpacked then.
        Exception: what a broken row makes of itself.
    """
    count, height, width, channels = expected
    if len(rows) != count:
        raise ValueError(f"{len(rows)} of them")
    if not isinstance(rows[0], dict):
        pixels = np.asarray(rows)
        if pixels.shape != expected or pixels.dtype.kind != "i":
            raise ValueError(f"{pixels.dtype} of the shape {pixels.shape}")
        if pixels.min() < 0 or pixels.max() > 255:
            raise ValueError(f"values from {pixels.min()} to {pixels.max()}")
        return pixels.astype("uint8")
    pictures = []
    for row in rows:
        picture = open_picture(io.BytesIO(base64.b64decode(row["b64"])), ("PNG",))
        if (picture.mode, *picture.size) != (MODES[channels], width, height):
            raise ValueError(f"a picture {picture.mode} of {picture.width} x {picture.height}")
        pictures.append(np.asarray(picture))
    # A grey picture has no channels.
    return np.stack(pictures).reshape(expected)
