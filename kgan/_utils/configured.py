"""Objects that know their constructor's arguments: as a config, and as what `repr` shows."""

import inspect

import keras


class Configured:
    """Gives `get_config`, `from_config` and `repr` to a class that keeps its arguments.

    Every argument of the constructor is kept as the attribute of its name.
    """

    def get_config(self) -> dict:
        """The constructor's arguments by their names."""
        names = inspect.signature(type(self)).parameters
        missing = [name for name in names if not hasattr(self, name)]
        if missing:
            raise NotImplementedError(
                f"{type(self).__name__} has no attribute {missing[0]!r}. Expected: every argument "
                "of the constructor kept as the attribute of its name. Keep it, or define "
                "get_config()."
            )
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict) -> "Configured":
        """The object that `get_config` described."""
        return cls(**keras.saving.deserialize_keras_object(config))

    def __repr__(self) -> str:
        """The call that makes the object anew, for example "R1(gamma=0.1)"."""
        arguments = (f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({', '.join(arguments)})"
