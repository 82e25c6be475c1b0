"""Keys and tokens of the providers that agents meet, by the forms their makers gave them."""

import re
from collections.abc import Iterator
from functools import cache

from quarterdeck_kernel.guards.personal_data.category import Finding
from quarterdeck_kernel.guards.personal_data.context import part_of_word

_FORMS = (
    r"sk-(?:ant|proj|svcacct|admin|or|lf)-[\w-]{20,250}",  # Anthropic, OpenAI, OpenRouter, Langfuse
    r"sk-[A-Za-z0-9]{32,64}",  # OpenAI, DeepSeek
    r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}",  # AWS
    r"gh[opsru]_[A-Za-z0-9]{36,255}",  # GitHub
    r"github_pat_\w{22,255}",
    r"gl(?:pat|dt|rt|ptt|cbt|agent|soat|oas|ft)-[\w.-]{20,300}",  # GitLab
    r"xox[abeoprsc]-[A-Za-z0-9-]{10,250}",  # Slack
    r"xapp-\d-[A-Za-z0-9-]{10,250}",
    r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/+]{24,100}",
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{24,100}",
    r"AIza[\w-]{35}",  # Google
    r"GOCSPX-[\w-]{28}",
    r"ya29\.[\w-]{20,512}",
    r"eyJ(?<![\w-]eyJ)[\w-]{8,4096}\.eyJ[\w-]{8,8192}\.[\w-]{8,2048}",  # JSON Web Token
    r"hf_[A-Za-z0-9]{34,40}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[\w-]{50,300}",
    r"SG\.[\w-]{22}\.[\w-]{43}",  # SendGrid
    r"SK[0-9a-f]{32}",  # Twilio
    r"key-[0-9a-f]{32}",  # Mailgun
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"[0-9]{8,10}:AA[\w-]{33}",  # Telegram
    r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}",  # Discord
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"dapi[0-9a-f]{32}",  # Databricks
    r"lin_api_[A-Za-z0-9]{40}",  # Linear
    r"(?:ntn|secret)_[A-Za-z0-9]{43,50}",  # Notion
    r"gsk_[A-Za-z0-9]{52}",  # Groq
    r"xai-[A-Za-z0-9]{80}",
    r"r8_[A-Za-z0-9]{37}",  # Replicate
    r"pplx-[A-Za-z0-9]{40,64}",  # Perplexity
    r"hv[sb]\.[\w-]{24,300}",  # HashiCorp Vault
    r"dckr_(?:pat|oat)_[\w-]{27,40}",  # Docker
    r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}",  # Grafana
    r"dp\.(?:pt|st|ct)\.[\w.-]{40,60}",  # Doppler
    r"ATATT3[\w=-]{60,300}",  # Atlassian
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",  # Postman
    r"sntrys_[\w+/=-]{40,300}",  # Sentry
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
)

_NAMED = (
    r"secret_?access_?key[\"']?[ \t]{0,4}[=:][ \t]{0,4}[\"']?(?P<aws>[A-Za-z0-9/+]{40})(?![\w/+])",
    r"accountkey=(?P<azure>[A-Za-z0-9+/]{86}==)",
    r"authorization[\"']?:[ \t]{0,4}[\"']?basic[ \t]{1,4}(?P<basic>[A-Za-z0-9+/]{8,4096}=*)",
    r"bearer[ \t]{1,4}(?P<bearer>[A-Za-z0-9._~+/-]{20,4096}=*)",
)
_LEAST_CHARS = 19
_NAMES = ("bearer", "authorization", "accountkey", "access")


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile("|".join(_FORMS))


@cache
def _named() -> re.Pattern[str]:
    return re.compile("|".join(_NAMED), re.IGNORECASE)


def tokens(text: str) -> Iterator[Finding]:
    """Find what opens somebody's account."""
    # In prose no word is as long as the shortest token.
    at, long = 0, False
    for word in text.split():
        if len(word) < _LEAST_CHARS:
            continue
        long, begin = True, text.index(word, at)
        at = begin + len(word)
        for match in _pattern().finditer(text, begin, at):
            start, stop = match.span()
            if not part_of_word(text, start, stop) and text[start - 1 : start] != "-":
                yield Finding(start, stop, "api_key")
    if not long:
        return
    lower = text.lower()
    if any(name in lower for name in _NAMES):
        for match in _named().finditer(text):
            name = match.lastgroup or ""
            # Behind "bearer" there may be a long word of prose.
            if name != "bearer" or any(c.isdigit() for c in match[name]):
                yield Finding(match.start(name), match.end(name), "api_key")
