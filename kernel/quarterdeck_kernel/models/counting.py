"""Counting tokens where nobody else has: crude, the same everywhere, and never 0 for something."""

from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.usage import Usage

_CHARS_PER_TOKEN = 4


def counted_tokens(messages: tuple[Message, ...]) -> int:
    """Return about how many tokens messages are, by their characters."""
    chars = sum(
        len(message.text) + sum(len(call.tool) + len(call.arguments) for call in message.tool_calls)
        for message in messages
    )
    return -(-chars // _CHARS_PER_TOKEN)


def counted_text(text: str) -> int:
    """Return about how many tokens a text is."""
    return -(-len(text) // _CHARS_PER_TOKEN)


def counted_usage(sent: tuple[Message, ...], answer: Message) -> Usage:
    """Return about what a call used."""
    return Usage(input_tokens=counted_tokens(sent), output_tokens=counted_tokens((answer,)))
