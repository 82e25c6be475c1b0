"""Facts out of a text, as data: the agent answers freely, a second request makes data of it.

The schema comes from a type. What does not fit it is given back to the model to mend, twice; if
nothing helps, the agent's text is there still, and `problem` says why there is no data.
"""

import asyncio
import sys
from pathlib import Path

from pydantic import BaseModel

from quarterdeck_kernel import AgentSpec, Kernel, ScriptedModel, load_script

LETTER = "Ann Lee sold us forty fathoms of rope and a barrel of tar on the third of May."


class Sale(BaseModel):
    seller: str
    goods: list[str]
    day: str


MODEL = ScriptedModel(
    load_script(
        {
            "rules": [
                {
                    "when": {"schema_asked": True},
                    "answer": {"text": '{"seller": "Ann Lee", "goods": "rope and tar"}'},
                },
                {
                    "when": {"schema_asked": True, "said": "does not fit"},
                    "answer": {
                        "text": '{"seller": "Ann Lee", "goods": ["rope", "tar"], "day": "May 3"}'
                    },
                },
                {
                    "answer": {
                        "calls": [
                            {
                                "tool": "finish",
                                "arguments": {"answer": "Ann Lee sold rope and tar on May 3."},
                            }
                        ]
                    }
                },
            ]
        }
    )
)
CLERK = AgentSpec(
    name="clerk",
    prompt="Say who sold what, and when.",
    answer_schema=Sale.model_json_schema(),
)


async def main(workspace: Path) -> Sale:
    async with await Kernel.open(workspace, model=MODEL) as kernel:
        run = await kernel.start_agent(CLERK, LETTER, idempotency_key="the letter of May")
        result = await kernel.run_agent(run)
        return Sale.model_validate(result.data)


if __name__ == "__main__":
    print(asyncio.run(main(Path(sys.argv[1]))))
