"""What `get`, `serialize` and `deserialize` share in the packages of losses, penalties and more."""

import ast
import inspect
import re
from collections.abc import Callable

import keras

from kgan._utils.configured import Configured

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TEXT = re.compile(r"\s*([\w>]+)\s*(?:=(.+)|\((.*)\))?\s*", re.DOTALL)


class ByName:
    """The objects of one kind, made of a text, a class, a config, or taken as they are.

    A text is a name with the parameters that are not to have their defaults:

        "hinge"                               the snake name, or the class name "Hinge"
        "r1=0.1"                              the first parameter
        "gradient_penalty(weight=5, one_sided=True)"  any parameters, as `repr` writes them

    Args:
        kind: the class that all of them have.
        what: str, what one of them is, for messages.
        names: dict of snake names to classes, or to functions that return an object. Case and
            underscores do not count, so a class name stands for its class too.
        remedy: str, the end of the message for what is none of them.
    """

    def __init__(self, kind: type, what: str, names: dict[str, Callable], remedy: str = ""):
        self.names = names
        self._kind = kind
        self._what = what
        self._remedy = remedy
        self._by_key = {_key(name): make for name, make in names.items()}

    def get(self, identifier):
        """The object that `identifier` stands for.

        Args:
            identifier: a text, a class, a config, or an object.

        Returns:
            An object of the kind.

        Raises:
            ValueError: for what stands for none, and for parameters that are unknown, missing or
                refused by the class.
        """
        found = identifier
        if isinstance(identifier, str):
            found = self._of_text(identifier)
        elif isinstance(identifier, dict):
            found = self.deserialize(identifier)
        elif isinstance(identifier, type) and issubclass(identifier, self._kind):
            found = self._made(identifier, identifier.__name__, [], {})
        if not isinstance(found, self._kind):
            raise self._unknown(identifier)
        return found

    def deserialize(self, config: dict, custom_objects: dict | None = None):
        """The object of a config.

        Args:
            config: dict made by `serialize`, or {"class_name": name, "config": parameters}.
            custom_objects: dict of names to classes, as Keras takes it; default None.

        Returns:
            The object.

        Raises:
            ValueError: for a dict that is no such config, or the config of another kind.
        """
        if not {"class_name", "config"} <= set(config):
            raise self._unknown(config)
        make = self._by_key.get(_key(str(config["class_name"])))
        if "registered_name" not in config and make is not None:
            named = keras.saving.deserialize_keras_object(config["config"])
            return self._made(make, config["class_name"], [], named)
        own = {make.__name__: make for make in self.names.values() if isinstance(make, type)}
        found = keras.saving.deserialize_keras_object(
            config, custom_objects={**own, **(custom_objects or {})}
        )
        if not isinstance(found, self._kind):
            raise self._unknown(config)
        return found

    def _of_text(self, text: str):
        parts = _TEXT.fullmatch(text)
        name, value, parameters = parts.groups() if parts else (text, None, None)
        make = self._by_key.get(_key(name)) or keras.saving.get_registered_object(name)
        if make is None:
            raise self._unknown(text)
        try:
            call = ast.parse(f"_({parameters or value or ''})", mode="eval").body
            given = [_value(argument) for argument in call.args]
            named = {keyword.arg: _value(keyword.value) for keyword in call.keywords}
            names = list(inspect.signature(make).parameters)[: len(given)]
            names += [keyword.arg for keyword in call.keywords]
            # A decimal comma makes two values of one.
            is_clear = len(set(names)) == len(names) and not (value and len(call.args) > 1)
        except (SyntaxError, ValueError):
            is_clear = False
        if not is_clear:
            raise ValueError(
                f"The parameters of {name} cannot be read. Expected: '{name}=value' with one "
                f"value, or '{name}(parameter=value, ...)' with each parameter once, of numbers "
                f"with a decimal point, true, false, None or words. Received: {text!r}."
            )
        return self._made(make, name, given, named)

    def _made(self, make: Callable, name: str, values: list, named: dict):
        parameters = inspect.signature(make).parameters
        given = dict(zip(parameters, values, strict=False)) | named
        if len(values) > len(parameters) or not set(given) <= set(parameters):
            raise ValueError(
                f"{name} does not take these parameters. Expected: "
                f"{', '.join(parameters) or 'none'}. Received: {[*values, *named]}."
            )
        for parameter in parameters.values():
            if parameter.default is parameter.empty and parameter.name not in given:
                raise ValueError(
                    f"{name} needs {parameter.name}, which has no default. Expected: a value, as "
                    f"in '{name}({parameter.name}=...)'. Received: {name!r} without one."
                )
        try:
            return make(**given)
        except TypeError as error:
            raise ValueError(f"{name} does not take {given}: {error}.") from error

    def _unknown(self, identifier) -> ValueError:
        package = ".".join(self._kind.__module__.split(".")[:2])
        kind = f"{package}.{self._kind.__name__}"
        return ValueError(
            f"Unknown {self._what}. Expected a {kind}, its class, its config, or one of "
            f"{sorted(self.names)}, with parameters as in 'name=value' or "
            f"'name(parameter=value)'. Received: {identifier!r}.{self._remedy}"
        )


def serialize(configured: Configured) -> dict:
    """The config of a loss, a penalty, an augmentation or a metric, of which `get` makes it anew.

    Args:
        configured: `kgan.losses.Loss`, `kgan.penalties.Penalty`, `kgan.augment.Augmentation` or
            `kgan.metrics.SampleMetric`. Of a metric, neither the rows it has counted nor an
            extractor, whose weights no config holds.

    Returns:
        Dict of plain values, which `get` and `deserialize` of the same package take.

    Example:
        >>> kgan.penalties.serialize(kgan.penalties.R1(0.1))["config"]
        {'gamma': 0.1}
    """
    return keras.saving.serialize_keras_object(configured)


def snake_name(name: str) -> str:
    """The name of a class in words, such as "multi_scale_ssim" of "MultiScaleSSIM"."""
    return _WORDS.sub("_", name).lower()


def _key(name: str) -> str:
    return name.replace("_", "").lower()


def _value(node: ast.AST):
    """A literal, a word without quotes as a text, but for true and false, or a call as a text."""
    if isinstance(node, ast.Call):
        return ast.unparse(node)
    if not isinstance(node, ast.Name):
        return ast.literal_eval(node)
    return {"true": True, "false": False}.get(node.id.lower(), node.id)
