"""Fields and objects of events that must not hold a secret (`domain.secrets`)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, model_validator

from flowledger.domain.kinds.base import Part
from flowledger.domain.kinds.fields import named
from flowledger.domain.secrets import unclassified

UnclassifiedText = Annotated[str, AfterValidator(unclassified), named("UnclassifiedText", "A text without a secret.")]
UnclassifiedTexts = Annotated[
    list[str], AfterValidator(unclassified), named("UnclassifiedTexts", "Texts without a secret.")
]
UnclassifiedObject = Annotated[
    dict[str, Any],
    AfterValidator(unclassified),
    named("UnclassifiedObject", "An object without a secret."),
]


class Unclassified(Part):
    """An object that must not hold a secret at any depth."""

    @model_validator(mode="before")
    @classmethod
    def _without_secrets(cls, value: Any) -> Any:
        return unclassified(value)
