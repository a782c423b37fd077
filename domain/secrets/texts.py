"""Whether a text holds a secret: a password or a token in a URL or a connection string, but not a placeholder.

A text may have a mebibyte: every search of a whole text takes time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, unquote_plus

from flowledger.domain.secrets.names import Kind, kind_of

_LONGEST_PLACEHOLDER: Final = 300
_LONGEST_CONNECTION_STRING: Final = 4096
_LONGEST_PARAMETER_NAME: Final = 300

# `${NAME}`, `${env:NAME}`, `${NAME:-}`, `${NAME:?not set}`, `$NAME`, `YOUR_API_KEY`, asterisks.
_NAMED: Final = r"\$\{(?:[A-Za-z]+:)?[A-Za-z_][\w.-]*(?::?-|:?\?[^{}@]*)?\}|\$[A-Z_][A-Z0-9_]*|\bYOUR[_-][A-Z0-9_-]+|\*"
_PLACEHOLDERS: Final = re.compile(rf"\$?\{{\{{[^{{}}]*\}}\}}|<[^<>]*>|{_NAMED}")
"""What a field may hold in place of a secret."""
_PLACEHOLDERS_IN_URLS: Final = re.compile(rf"\$?\{{\{{[^{{}}@]{{0,100}}\}}\}}|<[\w |/.-]{{0,100}}>|{_NAMED}")
"""The same in a longer text, where `<…>` and `{{ … }}` may hold a whole URL."""
_SCHEME_OF_LOGIN: Final = re.compile(r"(?i:bearer|basic|token)(?:\s+|$)")
_NO_VALUE: Final = re.compile(r"(?i:true|false|yes|no|on|off|null|none|undefined)")
"""Texts for true, false and null in an environment, where every value is a text."""
_COUNT: Final = re.compile(r"[0-9][0-9_,]{0,15}(?:\.[0-9]{1,9})?[kKmM]?")
_FILE: Final = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w./\\ -]*\.[A-Za-z]{1,5}")
"""The path of a file, which may hold a key."""

_END_OF_URL: Final = re.compile(r"""[\s"`<>]|'(?=[\s,:;)}\]]|$)""")
_ENCODED: Final = "%3a%2f%2f"
_END_OF_AUTHORITY: Final = re.compile("[/?#]")
_PARAMETERS: Final = re.compile("[/?#&;,()]")
_ORACLE: Final = re.compile(r"jdbc:oracle:\w{1,9}:[^/@\s]{1,100}/[^/@\s]{1,100}@", re.IGNORECASE)
_JDBC: Final = re.compile(r"\s*jdbc:\w", re.IGNORECASE)
_ASSIGNMENT: Final = re.compile(r"\s*[A-Za-z][\w .-]*=")
_ONLY_HERE: Final = re.compile("(?:^|_)(?:pwd|pass|sig|signature)$")
"""Names of secrets in URLs and connection strings, which are ordinary words elsewhere."""
_KEY: Final = re.compile(r"[\w-]{20,}")
"""A value of `?key=` that may be an API key, and not the name of something."""


def is_placeholder(text: str) -> bool:
    """Return whether a text in place of a secret holds none: it is empty, or only tells where the secret is."""
    text = text.strip()
    login = _SCHEME_OF_LOGIN.match(text)
    if login is not None:
        text = text[login.end() :]
    return _is_masked(text) or _NO_VALUE.fullmatch(text) is not None


def is_file(text: str) -> bool:
    """Return whether the text is the path of a file, like `~/keys/service.json`."""
    return len(text) <= _LONGEST_PLACEHOLDER and _FILE.fullmatch(text.strip()) is not None


def is_count(text: str) -> bool:
    """Return whether the text is a number, as written in an environment: `4096`, `90k`."""
    return len(text) <= _LONGEST_PLACEHOLDER and _COUNT.fullmatch(text.strip()) is not None


def has_secret(text: str) -> bool:
    """Return whether a URL in the text holds a password or a token, or the text is a connection string with one."""
    if any(map(_is_secret_url, _urls(text))):
        return True
    if len(text) > _LONGEST_CONNECTION_STRING:
        return False
    return _ORACLE.search(text) is not None or any(_is_secret_parameter(part) for part in _assignments(text))


def _is_masked(text: str) -> bool:
    """Return whether nothing is left if placeholders are removed."""
    if len(text) > _LONGEST_PLACEHOLDER:
        return not text.strip("*")
    return not _PLACEHOLDERS.sub("", text).strip(" :")


def _urls(text: str) -> Iterator[str]:
    """Yield the text after each `://`, up to the end of the URL or the next one, without placeholders."""
    if _ENCODED in text.lower():  # a URL in a parameter of another
        text = unquote(text)
    if "://" not in text:
        return
    behind = iter(_PLACEHOLDERS_IN_URLS.sub("", text).split("://"))
    next(behind)
    for url in behind:
        end = _END_OF_URL.search(url)
        yield url if end is None else url[: end.start()]


def _is_secret_url(url: str) -> bool:
    """Return whether a URL has a password (`user:password@host`), or a secret among its parameters."""
    if "@" not in url and "=" not in url:
        return False
    authority, *rest = _END_OF_AUTHORITY.split(url, maxsplit=1)
    user, at, _ = authority.rpartition("@")
    if at:
        if not _is_masked(unquote(user.partition(":")[2])):
            return True
    elif "@" in "".join(rest) and not authority.startswith("["):  # a password with a slash in it
        port = authority.partition(":")[2]
        if port and not port.isdecimal():
            return True
    return any(map(_is_secret_parameter, _PARAMETERS.split(url)))


def _is_secret_parameter(part: str) -> bool:
    name, _, value = part.partition("=")
    if not value or len(name) > _LONGEST_PARAMETER_NAME or is_placeholder(unquote_plus(value)):
        return False
    name = unquote_plus(name).strip()
    found = kind_of(name, also=_ONLY_HERE)
    if found is Kind.TOKENS:
        return not is_count(value)
    return found in (Kind.SECRET, Kind.TOKEN) or (name.lower() == "key" and _KEY.fullmatch(value) is not None)


def _assignments(text: str) -> list[str]:
    """Return the parts of a connection string: `Server=h;Uid=u;Pwd=…`, `host=h user=u password=…`; otherwise none."""
    if "=" not in text:
        return []
    parts = [part for part in text.split(";") if part.strip()]
    if _JDBC.match(text):
        return parts
    if len(parts) == 1:
        parts = text.split()
    return parts if len(parts) > 1 and all(map(_ASSIGNMENT.match, parts)) else []
