"""Looking for personal data: what a turn of a long conversation costs, and a tool's result."""

from statistics import median
from time import thread_time

from quarterdeck_kernel import Message, PersonalDataPolicy
from quarterdeck_kernel.engine.ingress import Ingress
from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.engine.prompt_memory import PromptMemory
from quarterdeck_kernel.engine.secrets import Secrets
from quarterdeck_kernel.events.tool_events import ToolCompleted
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target
from tests.benchmarks.talk import Prose

_TEXT_BYTES = 1_024
_TURNS_A_ROUND = 20
_A_STEP = Target(bound=100, on="measured")


async def measure(bench: Bench) -> list[Figure]:
    """Measure a question and an answer of 1 KB in a conversation that grows, and a result."""
    prose, ingress = Prose(7), Ingress(PersonalDataPolicy(), secrets=Secrets({}))
    memory = PromptMemory(ingress)
    talk = [Message(role="user", text=prose.text(_TEXT_BYTES))] * bench.sizes.conversation_turns
    memory.looked_through(AskedModel(step_key="m", messages=tuple(talk)))
    turns, results = [], []
    for _ in range(bench.sizes.cpu_rounds):
        texts = [f"{prose.text(_TEXT_BYTES)} {n} of 2026-11-21" for n in range(_TURNS_A_ROUND)]
        outcomes = [
            ToolCompleted(intent_seq=1, outcome="success", result={"text": text}, error=None)
            for text in texts
        ]
        said = [(Message(role="assistant", text=t), Message(role="user", text=t)) for t in texts]
        start = thread_time()
        for answer, question in said:
            ingress.message(answer, "output")
            memory.note(answer, "output")
            talk += answer, question
            memory.looked_through(AskedModel(step_key="m", messages=tuple(talk)))
        turns.append((thread_time() - start) * 1e6 / _TURNS_A_ROUND)
        start = thread_time()
        for outcome in outcomes:
            ingress.taken([outcome])
        results.append((thread_time() - start) * 1e6 / _TURNS_A_ROUND)
    length = bench.sizes.conversation_turns
    what = f"personal data: 2 KB new behind {length} messages"
    return [
        Figure(what=what, measured=median(turns), unit="µs", target=_A_STEP),
        Figure(
            what="personal data: a result of 1 KB",
            measured=median(results),
            unit="µs",
            target=_A_STEP,
        ),
    ]
