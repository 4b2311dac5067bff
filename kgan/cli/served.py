"""A generator behind TensorFlow Serving, asked over REST.

gRPC would need tensorflow-serving-api and grpcio on the machine that asks;
deploy/serving/grpc_client.py is for those who have them.
"""

import base64
import contextlib
import http.client
import io
import json
import re
import urllib.error
import urllib.request

import numpy as np

from kgan._utils.images import open_picture
from kgan.cli.generators import count_classes

# One model of a server: its newest version, one version, or the version of a label.
ADDRESS = re.compile(r"https?://[^/\s]+/v1/models/[^/\s:]+(/versions/\d+|/labels/[^/\s:]+)?")
# Seconds until a server that says nothing is given up.
PATIENCE = 60


class ServedGenerator:
    """A generator behind a server: seeds to pixels.

    Args:
        address: str, http://<host>:<port>/v1/models/<name>, with /versions/<number> or
            /labels/<label> after it for another version than the newest.

    Attributes:
        num_classes: int, None for a generator of latents alone.
    """

    def __init__(self, address: str):
        self.address = address
        self._signatures = read_signatures(address)
        takes_labels = "label" in self._signatures["generate"]["inputs"]
        self.num_classes = count_classes(self._knows) if takes_labels else None

    def pixels(self, seeds, labels, truncation: float | None) -> np.ndarray:
        """Images of seeds, as uint8 (n, height, width, channels)."""
        inputs = {"seed": list(seeds)}
        if labels is not None:
            inputs["label"] = labels
        # The same pixels in fewer bytes than as decimal numbers.
        name = "generate_png" if "generate_png" in self._signatures else "generate"
        if truncation is not None:
            name, inputs["truncation"] = "generate_truncated", [truncation] * len(seeds)
        answer = ask(f"{self.address}:predict", {"signature_name": name, "inputs": inputs})
        try:
            images = np.stack([decode(row) for row in answer["outputs"]])
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise OSError(f"{self.address} answers with something else than images.") from error
        if len(images) != len(seeds):
            raise OSError(
                f"{self.address} answers with {len(images)} images. Asked for: {len(seeds)}."
            )
        return images

    def _knows(self, label: int) -> bool:
        try:
            self.pixels([0], [label], None)
        except ValueError:
            return False
        return True


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


def ask(address: str, body: dict | None = None) -> dict:
    """The server's answer to a GET, or to a POST of `body`.

    Raises:
        ValueError: the answer is 400, for instance because a label is out of range.
        OSError: every other failure.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        kind = ValueError if error.code == 400 else OSError
        said = " ".join(error.read().decode(errors="replace").split())
        raise kind(f"{address} answers {error.code}: {said}") from error
    except ValueError as error:
        raise OSError(f"{address} answers, but not as TensorFlow Serving does.") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise OSError(
            f"{address} cannot be reached: {reason}. Is the server running, and is this its port "
            "for REST, 8501 if nothing else was said?"
        ) from error


def decode(row) -> np.ndarray:
    """The pixels in a row of an answer: PNG in base64, or nested lists of uint8."""
    if isinstance(row, dict):
        pixels = np.asarray(open_picture(io.BytesIO(base64.b64decode(row["b64"])), ("PNG",)))
    else:
        pixels = np.array(row, "uint8")
    # A grey picture has no channels.
    height, width = pixels.shape[:2]
    return pixels.reshape(height, width, -1)
