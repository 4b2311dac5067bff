"""tools/train.py on the machines of a Ray cluster.

    python deploy/ray/train.py --num_workers=2 --name=digits --storage_path=/shared/ray -- \\
        --flagfile=recipes/digits.flags --run_dir=/shared/runs/digits

What follows the two dashes are the flags of tools/train.py; --strategy=multi_worker is added. Ray
gives every worker its TF_CONFIG and starts all of them again when one is lost, up to --max_failures
times; from the run folder they go on where its last backup was made. kgan and this repository lie
at the same place on every machine, and /shared on a disk that all of them mount.
"""

import runpy
import sys
from pathlib import Path

from absl import app
from absl import flags

FLAGS = flags.FLAGS

flags.DEFINE_integer("num_workers", 2, "How many workers train together.", 1)
flags.DEFINE_bool("use_gpu", False, "Give each worker a GPU.")
flags.DEFINE_integer("max_failures", 3, "How often to start all again after one is lost.", 0)
flags.DEFINE_string("name", None, "Name of the run in Ray.")
flags.DEFINE_string("storage_path", None, "Where Ray keeps its own records, for all machines.")
flags.mark_flags_as_required(["name", "storage_path"])

TRAIN = Path(__file__).resolve().parents[2] / "tools" / "train.py"


def work(config: dict) -> None:
    """What every worker does: be `python tools/train.py`, with Ray's TF_CONFIG.

    Args:
        config: "command", the list of the path of train.py and its flags.
    """
    sys.argv = config["command"]
    # What Python does for a file that it is started with.
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"{sys.argv[0]} ended with exit status {end.code}.") from None


def main(arguments: list[str]) -> None:
    from ray.train import FailureConfig
    from ray.train import RunConfig
    from ray.train import ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    TensorflowTrainer(
        work,
        train_loop_config={
            "command": [str(TRAIN), "--strategy=multi_worker", *arguments[1:]],
        },
        scaling_config=ScalingConfig(num_workers=FLAGS.num_workers, use_gpu=FLAGS.use_gpu),
        run_config=RunConfig(
            name=FLAGS.name,
            storage_path=FLAGS.storage_path,
            failure_config=FailureConfig(max_failures=FLAGS.max_failures),
        ),
    ).fit()


if __name__ == "__main__":
    app.run(main)
