"""`quarterdeck completion`: what a shell needs to complete our commands."""

import click

_SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print what a shell needs to complete commands.")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print the script by which a shell completes our commands and options.

    For bash: eval "$(quarterdeck completion bash)" in ~/.bashrc; for zsh likewise; for fish:
    quarterdeck completion fish > ~/.config/fish/completions/quarterdeck.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None, "click knows each of these shells"
    root = context.find_root()
    for name in ("quarterdeck", "qd"):
        variable = f"_{name.upper()}_COMPLETE"
        click.echo(made(root.command, {}, name, variable).source())
