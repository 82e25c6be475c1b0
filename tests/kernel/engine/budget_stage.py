"""What tests of budgets share: limits, a call that costs, a question that costs."""

from decimal import Decimal
from typing import Any

from quarterdeck_kernel import Kernel, Run, ToolResult
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.vocabulary.budgets import BudgetLimit, Budgets
from quarterdeck_kernel.vocabulary.price import Price
from quarterdeck_kernel.vocabulary.retry import RetryPolicy

ONE = Price(input=Decimal(0), output=Decimal(1))
TEN = {"max_tokens": 10}
"""Makes a request cost ten micro-dollars at most."""


def limits(*given: BudgetLimit, **more: Any) -> Budgets:  # noqa: ANN401 - those of `Budgets`
    return Budgets(limits=given, **more)


def tenant(limit: int, **more: Any) -> BudgetLimit:  # noqa: ANN401 - those of `BudgetLimit`
    return BudgetLimit(scope="tenant", limit=limit, **more)


async def called(kernel: Kernel, run: Run, key: str) -> ToolResult:
    return await kernel.step_tool(run=run, step_key=key, tool="pay", arguments={"amount": len(key)})


async def account(kernel: Kernel, name: str = "tenant:local/total/micros") -> Account:
    return await kernel.store.account(name)


async def spoken(kernel: Kernel, run: Run, key: str, **more: Any) -> str:  # noqa: ANN401 - as above
    result = await kernel.step_model(
        run=run, step_key=key, prompt="hi", parameters=TEN, retry=RetryPolicy(jitter=0), **more
    )
    return result.text
