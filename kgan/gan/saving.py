"""Saving a model whole: random state included, and never half a file."""

import contextlib
from pathlib import Path

import keras
from keras import ops

from kgan._utils.files import replacing


class WithRandomState:
    """Mixin for `keras.Model`: what is saved includes the state of every random generator.

    Keras counts the states of seed generators, those of dropout layers too, among a model's
    variables and saves none of them, so that a restored run draws other numbers. What else belongs
    to a model's state a subclass lists in `state_beside_weights`. Stand this class before
    `keras.Model` in the list of bases.
    """

    def save(self, filepath, overwrite: bool = True, **kwargs):
        """Save everything in one `.keras` file: `keras.Model.save`, but whole or not at all.

        Args:
            filepath: path that ends in `.keras`.
            overwrite: bool, whether an existing file may be replaced.
            **kwargs: as in `keras.Model.save`.

        Raises:
            ValueError: for another file format, which would not keep everything.
        """
        in_one_file = kwargs.get("zipped") is not False
        if in_one_file and Path(filepath).suffix != ".keras":
            raise ValueError(
                f"A {type(self).__name__} is saved in Keras' own format, which alone keeps "
                f"everything. Expected: a path that ends in .keras. Received: {filepath}."
            )
        if not (overwrite and in_one_file) or "://" in str(filepath):
            super().save(filepath, overwrite=overwrite, **kwargs)
            return
        with replacing(filepath) as temporary:
            super().save(temporary, overwrite=True, **kwargs)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for name, variable in self._named_state().items():
            store[name] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        beside, weights = {}, {}
        for key in store.keys():  # noqa: SIM118 - an HDF5 store of Keras is no mapping
            group = beside if key.startswith(("random_state_", "own_state_")) else weights
            group[key] = store[key]
        super().load_own_variables(weights)
        for name, variable in self._named_state().items():
            # Weights may come from a GAN that was compiled otherwise.
            if name in beside or name.startswith("random_state_"):
                variable.assign(beside[name])

    def state_beside_weights(self) -> dict[str, keras.Variable]:
        """What else is to be saved under which name, neither weight nor random state."""
        return {}

    def export(self, *args, **kwargs):
        """Keras' export, which would ship the discriminator too: see `kgan.export`.

        Raises:
            NotImplementedError: always, with what to call.
        """
        raise NotImplementedError(
            f"A {type(self).__name__} is more than what one deploys. Export its generator: "
            "kgan.export.export_generator(gan.sampling_generator(), 'exported/name', "
            "num_classes=gan.num_classes)."
        )

    @contextlib.contextmanager
    def unchanged_random_state(self):
        """What happens in the block leaves the random state as it was."""
        before = [(state, ops.convert_to_numpy(state)) for state in self._random_states()]
        try:
            yield
        finally:
            for state, value in before:
                state.assign(value)

    def _named_state(self) -> dict[str, keras.Variable]:
        random = enumerate(self._random_states())
        beside = self.state_beside_weights().items()
        return {
            **{f"random_state_{index}": variable for index, variable in random},
            **{f"own_state_{name}": variable for name, variable in beside},
        }

    def _random_states(self) -> list[keras.Variable]:
        saved_by_keras = {id(weight) for weight in self.weights}
        return [
            variable
            for variable in self.variables
            if id(variable) not in saved_by_keras and variable.path.endswith("seed_generator_state")
        ]
