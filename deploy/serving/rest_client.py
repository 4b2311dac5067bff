"""Ask a served generator for an image over REST, and save it as PNG. Needs nothing but Python.

python deploy/serving/rest_client.py --seed=7 --label=3 --output=three.png
"""

import argparse
import base64
import http.client
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def sample_png(model: str, seed: int, label: int | None = None) -> bytes:
    """One image of a served generator.

    Args:
        model: str, http://<host>:8501/v1/models/<name>.
        seed: int. The same seed gives the same image from every server of the version.
        label: int, the class, for a generator that takes labels.

    Returns:
        The bytes of a PNG file.

    Raises:
        ValueError: the server refuses the request. The message is the server's.
        OSError: there is no answer.
    """
    # A row for each image. Many images are best asked for in one request.
    row = {"seed": seed} if label is None else {"seed": seed, "label": label}
    body = json.dumps({"signature_name": "generate_png", "instances": [row]}).encode()
    request = urllib.request.Request(f"{model}:predict", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            (prediction,) = json.load(answer)["predictions"]
            return base64.b64decode(prediction["b64"])
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise ValueError(f"{error.code}: {' '.join(text.split())}") from error
    except (KeyError, TypeError, ValueError, http.client.HTTPException) as error:
        raise ValueError(f"{model} answers with something else than an image") from error


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="http://localhost:8501/v1/models/digits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--label", type=int)
    parser.add_argument("--output", type=Path, default=Path("sample.png"))
    flags = parser.parse_args()
    try:
        flags.output.write_bytes(sample_png(flags.model, flags.seed, flags.label))
    except (OSError, ValueError) as error:
        sys.exit(f"rest_client.py: {error}")
    print(flags.output)


if __name__ == "__main__":
    main()
