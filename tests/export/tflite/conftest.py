"""What stands in a TFLite file."""

import pytest
from ai_edge_litert import schema_py_generated as schema


def operations(content: bytes) -> list[str]:
    """The names of a file's builtin operations, in the order in which they run."""
    names = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    codes = [names[code.builtinCode] for code in model.operatorCodes]
    return [codes[each.opcodeIndex] for graph in model.subgraphs for each in graph.operators]


@pytest.fixture(name="operations", scope="session")
def _operations():
    return operations
