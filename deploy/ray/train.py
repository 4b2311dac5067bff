"""kgan train on the machines of a Ray cluster.

    python deploy/ray/train.py --num_workers=2 --name=digits --storage_path=/shared/ray -- \\
        --flagfile=recipes/digits.flags --run_dir=/shared/runs/digits

What follows the two dashes are the flags of kgan train; --strategy=multi_worker is added. Ray
gives every worker its TF_CONFIG and starts all of them again when one is lost, up to --max_failures
times; from the run folder they go on where its last backup was made. kgan and this repository lie
at the same place on every machine, and /shared on a disk that all of them mount.
"""

from absl import app
from absl import flags

FLAGS = flags.FLAGS

flags.DEFINE_integer("num_workers", 2, "How many workers train together.", 1)
flags.DEFINE_bool("use_gpu", False, "Give each worker a GPU.")
flags.DEFINE_integer("max_failures", 3, "How often to start all again after one is lost.", 0)
flags.DEFINE_string("name", None, "Name of the run in Ray.")
flags.DEFINE_string("storage_path", None, "Where Ray keeps its own records, for all machines.")
flags.mark_flags_as_required(["name", "storage_path"])


def work(config: dict) -> None:
    """What every worker does: be `kgan train`, with Ray's TF_CONFIG.

    Args:
        config: "flags", the list of the flags.
    """
    from kgan import cli

    status = cli.main(["train", *config["flags"]])
    if status:
        raise RuntimeError(f"kgan train ended with exit status {status}.")


def main(arguments: list[str]) -> None:
    from ray.train import FailureConfig
    from ray.train import RunConfig
    from ray.train import ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    TensorflowTrainer(
        work,
        train_loop_config={"flags": ["--strategy=multi_worker", *arguments[1:]]},
        scaling_config=ScalingConfig(num_workers=FLAGS.num_workers, use_gpu=FLAGS.use_gpu),
        run_config=RunConfig(
            name=FLAGS.name,
            storage_path=FLAGS.storage_path,
            failure_config=FailureConfig(max_failures=FLAGS.max_failures),
        ),
    ).fit()


if __name__ == "__main__":
    app.run(main)
