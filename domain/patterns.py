"""Regular expressions that stand in JSON Schemas, in the syntax that ECMA-262, Python, Rust and Go read alike.

So they hold no flags, no look-around, none of `\\d`, `\\s` and `\\w`, and characters themselves in place of escapes.
"""

from __future__ import annotations

from typing import Final

WHITE_SPACE: Final = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode's property White_Space, for use in brackets; `str.isspace` also counts U+001C to U+001F."""
NOT_BLANK: Final = f"[^\x1c-\x1f{WHITE_SPACE}]"
"""A text with a character that `str.isspace` does not count."""
NO_NUL: Final = "^[^\x00]*$"


def any_case(text: str) -> str:
    """Return the pattern of a text of which ASCII letters may be in upper or lower case."""
    return "".join(f"[{one.upper()}{one.lower()}]" if one.isalpha() else one for one in text)
