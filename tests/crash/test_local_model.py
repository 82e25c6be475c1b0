"""A real model on this machine, where there is one: in `make crash`, if somebody names its file.

python -m pip install xllamacpp
QUARTERDECK_LOCAL_GGUF=model.gguf make crash ARGS="-k local_model"
"""

import json
import os
from pathlib import Path

import pytest

from quarterdeck_kernel.models.local.model import LocalModel
from quarterdeck_kernel.models.port import ModelRequest
from quarterdeck_kernel.vocabulary.messages import Message, ToolSchema

GGUF = os.environ.get("QUARTERDECK_LOCAL_GGUF")
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
TOOL = ToolSchema(
    name="finish",
    description="End the work and give the whole answer.",
    parameters={
        "type": "object",
        "properties": {"answer": {"type": "string", "maxLength": 200}},
        "required": ["answer"],
        "additionalProperties": False,
    },
)

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(GGUF is None, reason="QUARTERDECK_LOCAL_GGUF names no model to try"),
]


async def test_a_real_model_answers_in_a_schema_and_calls_what_there_is(tmp_path: Path) -> None:
    assert GGUF is not None, "this is skipped without"
    model = LocalModel(Path(GGUF), log=tmp_path / "log")
    text = "Ann Lee is 43 and lives in Oslo."
    request = ModelRequest(model="local", messages=(Message(role="user", text=text),))
    try:
        for _ in range(4):
            said = await model.complete(request.model_copy(update={"answer_schema": PERSON}))
            assert set(json.loads(said.message.text)) == {"name", "age"}
        called = await model.complete(request.model_copy(update={"tools": (TOOL,)}))
        assert called.message.text or [c.tool for c in called.message.tool_calls] == ["finish"]
        assert called.cost_micros == 0
    finally:
        await model.close()
