# SPDX-License-Identifier: MIT
"""The page's colours, as numbers: what is to be read or told apart stands out (WCAG 2, AA)."""
import os
import re

from harness import TOP, check

STYLE = os.path.join(TOP, "tools/trace/page/style.css")
GROUND = {"none", "unknown", "free", "free-large", "reserved", "line", "paper", "card", "soft", "lit"}
TEXT = [(ink, ground) for ink in ("ink", "dim") for ground in ("paper", "card", "soft", "lit")]
EDGES = [(edge, ground) for edge in ("edge", "focus") for ground in ("paper", "card")]


def themes():
    """{name: {colour: #rrggbb}}: what is dark stands over what is light."""
    with open(STYLE, encoding="utf-8") as file:
        light, dark = re.findall(r":root \{(.*?)\}", file.read(), re.DOTALL)[:2]
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text)) for text in (light, dark))
    return {"light": light, "dark": {**light, **dark}}


def luminance(colour):
    """Relative luminance of sRGB, as WCAG has it."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
                        for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast():
    "text 4.5 to 1, edges and colours that say something 3 to 1, light and dark"
    check("black and white", round(contrast("#000000", "#ffffff"), 3) == 21)
    for theme, colours in themes().items():
        check(f"{theme}: all colours are found", len(colours) > 30 and GROUND <= colours.keys(), colours)
        telling = [(name, "card") for name in colours if name not in GROUND]
        for pairs, least in ((TEXT, 4.5), (EDGES + telling, 3)):
            faint = {pair: round(contrast(*(colours[name] for name in pair)), 2) for pair in pairs
                     if contrast(*(colours[name] for name in pair)) < least}
            check(f"{theme}: {least} to 1", not faint, faint)
