"""A palette as a Textual theme.

What Textual would derive by itself is named here: nobody looked at its shades for contrast.
"""

from textual.theme import Theme

from quarterdeck.views.palette import Palette


def theme_of(palette: Palette) -> Theme:
    """Return the theme of a palette."""
    colours = palette.colours
    return Theme(
        name=palette.name,
        dark=palette.dark,
        ansi=palette.ansi,
        primary=colours["primary"],
        secondary=colours["secondary"],
        accent=colours["accent"],
        warning=colours["warning"],
        error=colours["error"],
        success=colours["success"],
        foreground=colours["foreground"],
        background=colours["background"],
        surface=colours["surface"],
        panel=colours["panel"],
        variables=_derived(palette) | palette.variables,
    )


def _derived(palette: Palette) -> dict[str, str]:
    colours, quiet = palette.colours, palette.variables["text-quiet"]
    ground, text, rule = colours["background"], colours["foreground"], palette.variables["rule"]
    selected = {"background": colours["primary"], "foreground": ground}
    if palette.ansi:
        # The default colours cannot be named the other way round: black on cyan is readable
        # wherever the sixteen colours are what their names say.
        selected = {"background": "ansi_cyan", "foreground": "ansi_black"}
    return {
        # Widgets of Textual name these two whenever colours are native.
        "ansi-background": ground,
        "ansi-foreground": text,
        "text": text,
        "text-muted": quiet,
        "text-disabled": quiet,
        "text-primary": colours["primary"],
        "text-secondary": colours["secondary"],
        "text-accent": colours["accent"],
        "text-warning": colours["warning"],
        "text-error": colours["error"],
        "text-success": colours["success"],
        "border": colours["primary"],
        "border-blurred": rule,
        "input-cursor-background": text if not palette.ansi else "ansi_white",
        "input-cursor-foreground": ground if not palette.ansi else "ansi_black",
        "input-cursor-text-style": "none",
        "input-selection-background": selected["background"],
        "input-selection-foreground": selected["foreground"],
        "screen-selection-background": selected["background"],
        "screen-selection-foreground": selected["foreground"],
        "button-foreground": text,
        "button-color-foreground": ground,
        "button-focus-text-style": "bold reverse",
        "scrollbar": rule,
        "scrollbar-hover": quiet,
        "scrollbar-active": colours["primary"],
        "scrollbar-background": ground,
        "scrollbar-background-hover": ground,
        "scrollbar-background-active": ground,
        "scrollbar-corner-color": ground,
        "link-color": text,
        "link-background": "transparent",
        "link-background-hover": "transparent",
        "link-color-hover": colours["primary"],
        "link-style": "none",
        "link-style-hover": "underline",
    }
