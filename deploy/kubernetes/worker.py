"""Be one worker of an indexed Kubernetes Job: say who the others are, and become the command.

    python deploy/kubernetes/worker.py kgan train --strategy=multi_worker ...

The environment, which deploy/kubernetes/job.yaml sets, has JOB_NAME, SERVICE_NAME, NUM_WORKERS and
PORT; JOB_COMPLETION_INDEX comes from Kubernetes itself. From them follows TF_CONFIG: in the job
"digits" with the service "digits-workers" the pod of index 0 is called digits-0.digits-workers.
"""

import json
import os
import sys
from collections.abc import Mapping

NAMES = ("JOB_NAME", "SERVICE_NAME")
NUMBERS = ("NUM_WORKERS", "PORT", "JOB_COMPLETION_INDEX")


def tf_config(environment: Mapping[str, str]) -> str:
    """The value of TF_CONFIG for this pod.

    Args:
        environment: has the variables named above.

    Returns:
        JSON.

    Raises:
        ValueError: if one of them is missing or is no number, or the index is none of the workers.
    """
    missing = [name for name in (*NAMES, *NUMBERS) if not environment.get(name)]
    if missing:
        raise ValueError(
            f"The pod lacks {', '.join(missing)}. Expected: deploy/kubernetes/job.yaml, with "
            "completionMode: Indexed, sets them."
        )
    unusable = [name for name in NUMBERS if not environment[name].isdecimal()]
    if unusable:
        received = ", ".join(f"{name}={environment[name]!r}" for name in unusable)
        raise ValueError(f"Expected: a whole number. Received: {received}.")
    count, port, index = (int(environment[name]) for name in NUMBERS)
    if index >= count:
        raise ValueError(
            f"This pod has the index {index}, and NUM_WORKERS is {count}. Expected: NUM_WORKERS, "
            "completions and parallelism of the job are the same number."
        )
    job, service = (environment[name] for name in NAMES)
    workers = [f"{job}-{number}.{service}:{port}" for number in range(count)]
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})


def main(command: list[str]) -> int:
    if not command:
        print("error: There is no command. Expected: it follows this file's name.", file=sys.stderr)
        return 1
    try:
        os.environ["TF_CONFIG"] = tf_config(os.environ)
        # In place of a child: signals from Kubernetes reach the training itself.
        os.execvp(command[0], command)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
