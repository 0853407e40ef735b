"""Settings of a source of system `tass`."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from roster.settings.grammar import Settings, Source

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,10}$")]
Ended = Literal["nothing", "suspend", "delete"]


class Semester(Settings):
    """A semester: TASS knows its number, and not when it is."""

    year: Annotated[int, Field(ge=1990, le=2200)]
    """TASS's `year_num`."""
    semester: Annotated[int, Field(ge=1, le=9)]
    """TASS's `semester`."""
    name: str | None = None
    """What Canvas calls it; left out: such as 2026 Semester 1."""
    start: date
    """First day."""
    end: date
    """Last day."""
    companies: tuple[Code, ...] = ()
    """Companies whose semester it is; left out: all of the source."""

    @model_validator(mode="after")
    def _in_order(self) -> Semester:
        if self.start >= self.end:
            message = "start must be before end"
            raise ValueError(message)
        return self


class WebAccessEnded(Settings):
    """What becomes of a person whose `web_access` is no longer true."""

    student: Ended = "nothing"
    """Pupils, by the IdM API."""
    staff: Ended = "nothing"
    """Employees, by the IdM API."""
    guardian: Ended = "suspend"
    """Parents, by the IdM API; nothing: they observe all the same."""

    def of(self, kind: str) -> Ended:
        """What is set for that kind of user."""
        chosen: Ended = getattr(self, kind)
        return chosen


class Tass(Source):
    """TASS over its API Gateway: the LMS Integration API, and beside it what else the school has licensed."""

    hook: ClassVar[str] = "tass"

    system: Literal["tass"]
    """Kind of source."""
    connection: str
    """Airflow connection of type `tass`: endpoint, and per API product app code, version and token key."""
    companies: Annotated[tuple[Code, ...], Field(min_length=1)]
    """TASS company codes, such as "10"."""
    company_in_ids: bool | None = None
    """Whether ids of people and campuses begin with the company; left out: where there are several companies."""
    products: tuple[Literal["idm", "student_details", "employee_hr"], ...] = ()
    """API products that are read beside LMS Integration; parents and log-ins come from idm alone."""
    terms: Annotated[tuple[Semester, ...], Field(min_length=1)]
    """When the semesters are; classes of earlier ones are not read."""
    lms_only: bool = True
    """Only subjects that TASS has flagged for the LMS."""
    leave_out: tuple[str, ...] = ()
    """Types of subjects (`sub_type`) that are no classes here, such as NON."""
    timetable_periods: tuple[str, ...] = ()
    """Periods whose timetables are read for further teachers of a class; left out: none."""
    guardian_key: Literal["person_num", "position"] = "person_num"
    """What a parent is known by: their own number (TASS 57.11 and later), or family, household and position."""
    web_access_ended: WebAccessEnded = WebAccessEnded()
    largest: Annotated[int, Field(ge=1, le=2048)] = 256
    """Megabytes that one reply may have; TASS sends all in one."""

    @property
    def prefixed(self) -> bool:
        """Whether ids of people and campuses begin with the company."""
        return len(self.companies) > 1 if self.company_in_ids is None else self.company_in_ids

    @model_validator(mode="after")
    def _each_once(self) -> Tass:
        for name, values in (("companies", self.companies), ("products", self.products)):
            if twice := [value for value, times in Counter(values).items() if times > 1]:
                message = f"{name} has {twice[0]} more than once"
                raise ValueError(message)
        if len(self.companies) > 1 and not self.prefixed:
            message = "company_in_ids must not be false with several companies: two of them may use one code twice"
            raise ValueError(message)
        semesters = Counter(
            (company, term.year, term.semester) for term in self.terms for company in term.companies or self.companies
        )
        if (most := semesters.most_common(1)) and most[0][1] > 1:
            company, year, semester = most[0][0]
            message = f"terms has semester {semester} of {year} more than once for company {company}"
            raise ValueError(message)
        if strange := {company for term in self.terms for company in term.companies} - set(self.companies):
            message = f"terms names company {min(strange)}, which is not one of companies"
            raise ValueError(message)
        return self
