"""A version behind HTTP on this machine, answering as TensorFlow Serving's REST interface does.

For tests of what asks a server. The answers have the form of the real server's: rows in
"predictions", columns in "outputs", {"b64": ...} for outputs whose names end in _bytes, {"error":
...} with 400 or 404. They come from the version itself, run in a session as the server runs it.
"""

import base64
import contextlib
import http.server
import json
import re
import threading

import tensorflow as tf
from google.protobuf.json_format import MessageToDict

from kgan.export.graph_checks import read_saved_model


class RefusedError(Exception):
    """A request that the real server answers with an error."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class ServedModel:
    """A version directory as the model `name`, under its number and the label "stable".

    With `max_batch_size`, as by a server with batching: that is the most rows a request may have.
    """

    def __init__(self, folder, name, max_batch_size=None):
        self.version = folder.name
        self.name = name
        self.max_batch_size = max_batch_size
        # The signatures that were asked for, in order.
        self.asked = []
        (meta_graph,) = read_saved_model(folder).meta_graphs
        self.signatures = meta_graph.signature_def
        for node in meta_graph.graph_def.node:
            if node.op == "Placeholder":
                # The server feeds what was sent, whatever its shape. Python would refuse it.
                node.attr["shape"].shape.Clear()
                node.attr["shape"].shape.unknown_rank = True
                node.attr.pop("_output_shapes", None)
        with tf.Graph().as_default() as graph:
            self.session = tf.compat.v1.Session(graph=graph)
            saver = tf.compat.v1.train.import_meta_graph(meta_graph)
            saver.restore(self.session, str(folder / "variables" / "variables"))

    def answer(self, path, body=None):
        """The answer to a GET of a path, or to a POST of a body."""
        address, _, verb = path.partition(":")
        form = r"/v1/models/([^/]+)(?:/versions/(\d+)|/labels/([^/]+))?(/metadata)?"
        name, version, label, metadata = re.fullmatch(form, address).groups()
        if label not in (None, "stable"):
            raise RefusedError(400, f"Unrecognized servable version label: {label}")
        if name != self.name or version not in (None, self.version):
            asked = f"Specific({name}, {version})" if version else f"Latest({name})"
            raise RefusedError(404, f"Servable not found for request: {asked}")
        if metadata:
            described = {
                # As the server prints them: all fields, those without a value too.
                key: MessageToDict(
                    signature,
                    preserving_proto_field_name=True,
                    always_print_fields_with_no_presence=True,
                )
                for key, signature in self.signatures.items()
            }
            return {"metadata": {"signature_def": {"signature_def": described}}}
        if body is None:
            status = {"error_code": "OK", "error_message": ""}
            state = {"version": self.version, "state": "AVAILABLE", "status": status}
            return {"model_version_status": [state]}
        assert verb == "predict"
        return self.predict(body)

    def predict(self, body):
        """The answer to rows in "instances" or columns in "inputs"."""
        name = body.get("signature_name", "serving_default")
        self.asked.append(name)
        if name not in self.signatures:
            raise RefusedError(400, f'Serving signature name: "{name}" not found in signature def')
        signature = self.signatures[name]
        outputs = self.run(signature, self.columns(body, signature))
        columns = {key: [encoded(key, row) for row in values] for key, values in outputs.items()}
        # A single output comes without its name.
        (values,) = columns.values()
        return {"outputs" if "inputs" in body else "predictions": values}

    def columns(self, body, signature):
        """A list for each input of the signature."""
        wanted = sorted(signature.inputs)
        if "inputs" in body:
            given = body["inputs"]
            # Of one input the values may stand without its name.
            if len(wanted) == 1 and not isinstance(given, dict):
                given = {wanted[0]: given}
            for name in wanted:
                if name not in given:
                    raise RefusedError(400, f"Missing named input: {name} in 'inputs' object.")
            return {name: given[name] for name in wanted}
        rows = body["instances"]
        if len(wanted) == 1:
            rows = [row if isinstance(row, dict) else {wanted[0]: row} for row in rows]
        for row in rows:
            if sorted(row) != wanted:
                raise RefusedError(400, f"keys must be equal to: {','.join(wanted)}")
        return {name: [row[name] for row in rows] for name in wanted}

    def run(self, signature, columns):
        """The outputs of a signature."""
        fed = {}
        for name, values in columns.items():
            wanted = signature.inputs[name]
            try:
                value = tf.constant(values, wanted.dtype).numpy()
            except (OverflowError, TypeError, ValueError) as error:
                kind = tf.as_dtype(wanted.dtype).name
                raise RefusedError(400, f"JSON Value: {values} is not of type {kind}") from error
            if self.max_batch_size and len(value) > self.max_batch_size:
                raise RefusedError(
                    400,
                    f"Task size {len(value)} is larger than maximum input batch size "
                    f"{self.max_batch_size}",
                )
            fed[wanted.name] = value
        try:
            return self.session.run(
                {key: output.name for key, output in signature.outputs.items()}, fed
            )
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
