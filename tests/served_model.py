"""A version behind HTTP on this machine, answering as TensorFlow Serving's REST interface does.

For tests of what asks a server. The answers have the form of the real server's: rows in
"predictions", columns in "outputs", {"b64": ...} for outputs whose names end in _bytes, {"error":
...} with 400 or 404. They come from the version itself, loaded in Python.
"""

import base64
import contextlib
import http.server
import json
import threading

import tensorflow as tf


class RefusedError(Exception):
    """A request that the real server answers with an error."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class ServedModel:
    """A version directory as the model `name`; at most `max_batch_size` rows a request."""

    def __init__(self, folder, name, max_batch_size=64):
        self.loaded = tf.saved_model.load(str(folder))
        self.version = folder.name
        self.name = name
        self.max_batch_size = max_batch_size
        # The signatures that were asked for, in order.
        self.asked = []

    def answer(self, path, body=None):
        """The answer to a GET of a path, or to a POST of a body."""
        address = f"/v1/models/{self.name}"
        allowed = [address, f"{address}/versions/{self.version}", f"{address}/labels/stable"]
        model, _, verb = path.partition(":") if body is not None else path.rpartition("/")
        if model not in allowed:
            asked = model.removeprefix("/v1/models/")
            raise RefusedError(404, f"Servable not found for request: Latest({asked})")
        if body is None:
            return {"metadata": {"signature_def": {"signature_def": self.signatures()}}}
        assert verb == "predict"
        return self.predict(body)

    def signatures(self):
        """The signatures, as much of them as a client reads."""
        return {
            name: {
                "inputs": {
                    key: {"dtype": spec.dtype.name}
                    for key, spec in function.structured_input_signature[1].items()
                },
                "outputs": {
                    key: {
                        "tensor_shape": {"dim": [{"size": str(size or -1)} for size in spec.shape]}
                    }
                    for key, spec in function.structured_outputs.items()
                },
            }
            for name, function in self.loaded.signatures.items()
        }

    def predict(self, body):
        """The answer to rows in "instances" or columns in "inputs"."""
        name = body.get("signature_name", "serving_default")
        self.asked.append(name)
        if name not in self.loaded.signatures:
            raise RefusedError(400, f'Serving signature name: "{name}" not found in signature def')
        function = self.loaded.signatures[name]
        outputs = self.run(function, self.columns(body, function))
        columns = {
            key: [encoded(key, row) for row in values.numpy()] for key, values in outputs.items()
        }
        # A single output comes without its name.
        (values,) = columns.values()
        return {"outputs" if "inputs" in body else "predictions": values}

    def columns(self, body, function):
        """A list for each input of the signature."""
        wanted = sorted(function.structured_input_signature[1])
        if "inputs" in body:
            given = body["inputs"]
            for name in wanted:
                if name not in given:
                    raise RefusedError(400, f"Missing named input: {name} in 'inputs' object.")
            return given
        for row in body["instances"]:
            if sorted(row) != wanted:
                raise RefusedError(400, f"keys must be equal to: {','.join(wanted)}")
        return {name: [row[name] for row in body["instances"]] for name in wanted}

    def run(self, function, columns):
        """The outputs of a signature."""
        rows = len(next(iter(columns.values())))
        if rows > self.max_batch_size:
            raise RefusedError(
                400,
                f"Task size {rows} is larger than maximum input batch size {self.max_batch_size}",
            )
        specs = function.structured_input_signature[1]
        inputs = {name: tf.constant(values, specs[name].dtype) for name, values in columns.items()}
        try:
            return function(**inputs)
        except tf.errors.InvalidArgumentError as error:
            # Python puts its own lines before the message, which the real server does not.
            _, found, rest = error.message.rpartition("assertion failed")
            raise RefusedError(400, found + rest) from error


def encoded(output, value):
    """A row of an output in JSON."""
    if output.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    return value.tolist()


@contextlib.contextmanager
def serve(answer):
    """Answer HTTP by a function of the path and the body; yields http://<host>:<port>."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(None)

        def do_POST(self):
            self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def reply(self, body):
            code = 200
            try:
                text = answer(self.path, body)
            except RefusedError as error:
                code, text = error.code, {"error": str(error)}
            content = text if isinstance(text, bytes) else json.dumps(text).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
