"""What the models of all three contracts share: tolerance, and the answer they came from."""

from collections.abc import Iterable
from typing import Annotated, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    PrivateAttr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from trivium_client._call import RawResponse

T = TypeVar("T")
# What is shown once or signs something; printing an answer must not write it into a log.
SECRET_FIELDS = frozenset(
    "key secret token access_token access_key accessKey client_secret clientSecret webhook_secret webhookSecret".split()
)


def _let_through(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError:
        if isinstance(value, str):
            return value
        raise


# One of the values that this version knows; a text that a later server answers is kept, not refused.
Known: TypeAlias = Annotated[T, WrapValidator(_let_through), PlainSerializer(lambda value: value)]


class Model(BaseModel):
    """A part of an answer. A field that this version does not know is kept, not refused."""

    model_config = ConfigDict(
        extra="allow",
        populate_by_name=True,
        defer_build=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        """Yield the fields as repr and str show them: without secrets."""
        for name, value in super().__repr_args__():
            yield name, "..." if name in SECRET_FIELDS and isinstance(value, str) else value


class CamelModel(Model):
    """A model whose fields are camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel)


class Answer(Model):
    """A whole answer: it knows the response it was read from."""

    _raw: RawResponse | None = PrivateAttr(default=None)

    @property
    def raw_response(self) -> RawResponse | None:
        """Return status, headers and body as they came; None for an object made by hand."""
        return self._raw

    def attach(self, raw: RawResponse) -> None:
        """Remember the response that this was read from."""
        self._raw = raw


class TracedAnswer(Answer):
    """An answer of a contract whose bodies hold no request id of their own."""

    @property
    def request_id(self) -> str | None:
        """Return the id to name when you report a problem with this call."""
        return self._raw.request_id if self._raw else None


class CamelPlainAnswer(Answer):
    """An answer whose fields are camelCase on the wire; one of them may be a request's id."""

    model_config = ConfigDict(alias_generator=to_camel)

    def __getitem__(self, name: str) -> JsonValue:
        """Return a field by its name on the wire."""
        value: JsonValue = self.model_dump(mode="json", by_alias=True)[name]
        return value


class CamelAnswer(CamelPlainAnswer, TracedAnswer):
    """An answer whose fields are camelCase on the wire."""


class Items(list[T]):
    """A list that knows the response it was read from, and where the next page begins."""

    def __init__(self, items: Iterable[T], *, raw: RawResponse, next_cursor: str | None = None) -> None:
        super().__init__(items)
        self.raw_response = raw
        self.next_cursor = next_cursor

    @property
    def request_id(self) -> str | None:
        return self.raw_response.request_id
