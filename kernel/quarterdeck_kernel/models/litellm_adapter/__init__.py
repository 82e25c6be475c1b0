"""Models of a hundred providers, through LiteLLM, which is imported with the first call only.

`adapter` is the provider; `options` what it is told; `loading` brings LiteLLM in quietly; `wire`
writes a request, `answers` and `streams` read what comes back, `failures` what went wrong; `shapes`
names all of LiteLLM that is relied on.
"""

from quarterdeck_kernel.models.litellm_adapter.adapter import LiteLLMModel
from quarterdeck_kernel.models.litellm_adapter.options import LiteLLMOptions

__all__ = ["LiteLLMModel", "LiteLLMOptions"]
