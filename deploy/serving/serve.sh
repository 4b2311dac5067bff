#!/usr/bin/env bash
# Serve an exported folder with TensorFlow Serving: REST on port 8501, gRPC on 8500.
#
#     deploy/serving/serve.sh exported/digits
#     deploy/serving/serve.sh exported/digits canary.config
#
# The second argument is the configuration, a file of this folder; model.config if left out. The
# server looks for new versions every second, and reads the configuration anew every minute. A
# version that cannot be loaded is not tried again: for five minutes no later one would be looked at.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
exported=$(cd "${1:?give the exported folder, such as exported/digits}" && pwd)

# Read-only: a SavedModel is code, and has nothing to write here.
exec docker run --rm --name kgan-serving \
    --publish 8501:8501 --publish 8500:8500 \
    --volume "$exported:/models/digits:ro" \
    --volume "$here:/config:ro" \
    tensorflow/serving \
    --model_config_file="/config/${2:-model.config}" \
    --model_config_file_poll_wait_seconds=60 \
    --allow_version_labels_for_unavailable_models=true \
    --max_num_load_retries=0
