"""The policy: what becomes of which personal data, and where."""

from typing import Literal, Self

from pydantic import model_validator

from quarterdeck_kernel.guards.personal_data.category import CATEGORIES, Found
from quarterdeck_kernel.vocabulary.model import Value

Treatment = Literal["off", "redact", "block"]
Place = Literal["prompt", "output", "arguments", "result", "recording"]


class Treatments(Value):
    """What becomes of each category in one place. A single word stands for all of them."""

    email: Treatment = "redact"
    phone: Treatment = "redact"
    national_id: Treatment = "redact"
    iban: Treatment = "redact"
    card: Treatment = "redact"
    api_key: Treatment = "redact"
    private_key: Treatment = "redact"
    password: Treatment = "redact"  # noqa: S105 - a category
    name: Treatment = "redact"

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, given: object) -> object:
        return dict.fromkeys(CATEGORIES, given) if isinstance(given, str) else given

    def of(self, category: Found) -> Treatment:
        """Return what becomes of a category."""
        if category == "secret":
            return "redact"
        word: Treatment = getattr(self, category)
        return word


class PersonalDataPolicy(Value):
    """What becomes of personal data and secrets in each place: taken out everywhere by default.

    `off` leaves them, `redact` puts a word in their place, `block` refuses the step.
    """

    prompt: Treatments = Treatments()
    output: Treatments = Treatments()
    arguments: Treatments = Treatments()
    result: Treatments = Treatments()
    recording: Treatments = Treatments()

    @classmethod
    def everywhere(cls, treatment: Treatment) -> Self:
        """Return the policy that does the same with everything."""
        places = dict.fromkeys(cls.model_fields, treatment)
        return cls.model_validate(places)

    def of(self, place: Place) -> Treatments:
        """Return what becomes of what is found in a place."""
        treatments: Treatments = getattr(self, place)
        return treatments
