"""
The answer of a decoder, checked value by value.

A film may have taken the decoder over, so its answer counts as hostile too: only values of the right kind and
in a possible range are passed on, and text only if it is short and printable.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from xraylab.imaging.apart.protocol import MOST_STUDY
from xraylab.imaging.facts import MAX_PIXELS, FileFacts, Hung, Orientation, Signs

_Word = Annotated[str, Field(pattern="^[A-Z]{1,16}$")]
_Millimetres = Annotated[float, Field(gt=0, le=1e6)]
_Count = Annotated[int, Field(ge=0, le=2**31)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters")
    return text


_Sentence = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_printable)]


def _possible(shape: tuple[int, int]) -> tuple[int, int]:
    if not 0 < shape[0] * shape[1] <= MAX_PIXELS or min(shape) < 1:
        raise ValueError("an impossible size")
    return shape


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Facts(_Plain):
    format: Literal["JPEG", "PNG", "TIFF", "BMP", "WEBP", "DICOM"]
    width: _Count
    height: _Count
    bits: _Count
    quant_sum: _Count | None
    synthetic: bool


class _Hung(_Plain):
    orientation: Orientation | None
    size_mm: tuple[_Millimetres, _Millimetres] | None
    at: Literal["detector", "patient", "scan", "file"] | None


class _Signs(_Plain):
    colour: float = Field(ge=0, le=255)
    modality: _Word | None
    view: _Word | None
    body_part: _Word | None
    age: Annotated[float, Field(ge=0, le=90)] | None
    raw: bool
    notes: Annotated[tuple[_Sentence, ...], Field(max_length=20)]


class Header(_Plain):
    """The JSON of an answer."""

    ends: bool  # the decoder's last answer
    why: _Sentence | None = None  # why the film can't be read
    facts: _Facts | None = None
    signs: _Signs | None = None
    hung: _Hung | None = None
    shape: Annotated[tuple[int, int], AfterValidator(_possible)] | None = None  # of the picture
    lossy: bool | None = None  # whether a DICOM file says that it was compressed with loss
    length: Annotated[int, Field(ge=0, le=MOST_STUDY)] = 0  # bytes of the study

    def facts_of(self, data: bytes) -> FileFacts:
        """Return the facts of the file that was sent."""
        return FileFacts(bytes=len(data), **_values(self.facts))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        if self.shape is None:
            raise ValueError("a part of the answer is missing")
        return self.shape

    @property
    def all_signs(self) -> Signs:
        """The signs of the film."""
        return Signs(**_values(self.signs))

    @property
    def as_hung(self) -> Hung:
        """How the film hangs."""
        return Hung(**_values(self.hung))


def parse(text: bytes) -> Header:
    """Check the JSON of an answer.

    Raises
    ------
    ValueError
        If anything in it is not as it must be.
    """
    return Header.model_validate_json(text, strict=True)


def _values(part: _Plain | None) -> dict[str, Any]:
    if part is None:
        raise ValueError("a part of the answer is missing")
    return dict(part)
