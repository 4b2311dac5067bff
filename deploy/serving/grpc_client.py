"""Ask a served generator for an image over gRPC, and save it as PNG.

    pip install tensorflow grpcio
    pip install --no-deps tensorflow-serving-api
    python deploy/serving/grpc_client.py --seed=7 --label=3 --output=three.png

--no-deps, because tensorflow-serving-api would install `tensorflow` beside a `tensorflow-cpu` that
is there already.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import grpc
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub


def sample_png(channel: grpc.Channel, name: str, seed: int, label: int | None = None) -> bytes:
    """One image of a served generator.

    Args:
        channel: to the server's port for gRPC, 8500 if nothing else was said.
        name: str, the model's.
        seed: int. The same seed gives the same image from every server of the version.
        label: int, the class, for a generator that takes labels.

    Returns:
        The bytes of a PNG file.

    Raises:
        grpc.RpcError: the server refuses the request, or there is no answer.
    """
    request = PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = "generate_png"
    # Vectors, an entry for each image.
    request.inputs["seed"].CopyFrom(tf.make_tensor_proto([seed], tf.int64))
    if label is not None:
        request.inputs["label"].CopyFrom(tf.make_tensor_proto([label], tf.int32))
    answer = PredictionServiceStub(channel).Predict(request, timeout=60)
    return answer.outputs["png_bytes"].string_val[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="localhost:8500")
    parser.add_argument("--name", default="digits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--label", type=int)
    parser.add_argument("--output", type=Path, default=Path("sample.png"))
    flags = parser.parse_args()
    try:
        # Without encryption: for this machine or a network of your own.
        with grpc.insecure_channel(flags.server) as channel:
            flags.output.write_bytes(sample_png(channel, flags.name, flags.seed, flags.label))
    except grpc.RpcError as error:
        sys.exit(f"grpc_client.py: {error.code().name}: {error.details()}")
    except OSError as error:
        sys.exit(f"grpc_client.py: {error}")
    print(flags.output)


if __name__ == "__main__":
    main()
