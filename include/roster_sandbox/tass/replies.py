"""What TASS makes of records: codes as numbers where they look like some, data beside `__tassversion` and `token`."""

from __future__ import annotations

from typing import Any

LISTS = {
    "lms.getcampuses": "campuses",
    "lms.getstudents": "students",
    "lms.getteachers": "teachers",
    "lms.gettimetables": "timetables",
    "idm.getstudents": "students",
    "idm.getemployees": "employees",
    "idm.getparents": "parents",
    "idm.getadmins": "admins",
    "student_details.getstudentsdetails": "students",
    "employee_hr.getemployeesdetails": "employees",
}
"""The key of each method's list; subjects have none, they lie beside the version and the token, by code."""
REQUIRED = {
    "lms.getcampuses": ("codeonly",),
    "lms.getstudents": ("currentstatus",),
    "lms.getteachers": ("currentstatus",),
    "lms.getstudentsubjects": ("code",),
    "lms.getteachersubjects": ("code",),
    "lms.gettimetables": ("year", "period"),
    "student_details.getstudentsdetails": ("currentstatus",),
    "employee_hr.getemployeesdetails": ("date",),
}
NUMBERS = (
    *("student_code", "employee_code", "sub_code", "user_code", "person_num", "class", "prd_code", "day_code"),
    *("year_num", "semester", "year_grp", "year_grp_desc", "tt_id"),
)
"""What ColdFusion writes as a number where it looks like one; version 2 leaves employee codes as they are."""
VERSION = "01.060.2.100"


def answered(method: str, records: Any, parameters: dict[str, Any], version: str) -> dict[str, Any]:
    """The reply to a method of a product."""
    data = coerced(records, version)
    if method == "lms.gettimetables":
        asked = (str(parameters["year"]), str(parameters["period"]))
        data = [one for one in data if (str(one["year_num"]), str(one["prd_code"])) == asked]
    beside = {"__tassversion": VERSION, "token": {**parameters, "timestamp": "{ts '2026-02-02 07:00:00'}"}}
    return (data if method not in LISTS else {LISTS[method]: data}) | beside


def coerced(value: Any, version: str, name: str = "") -> Any:
    """The records as ColdFusion serialises them."""
    if isinstance(value, dict):
        return {key: coerced(one, version, key) for key, one in value.items()}
    if isinstance(value, list):
        return [coerced(one, version) for one in value]
    looks = isinstance(value, str) and value.lstrip("-").isdecimal() and (value == "0" or value.lstrip("-")[0] != "0")
    return int(value) if looks and name in NUMBERS and (version, name) != ("2", "employee_code") else value


def missing(method: str, parameters: dict[str, Any]) -> dict[str, str]:
    """What `__invalid` says of the parameters."""
    return {name: "field is required" for name in REQUIRED.get(method, ()) if not parameters.get(name)}


def cropped(method: str, reply: dict[str, Any], records: int) -> dict[str, Any]:
    """The reply without its last records; of a keyed one, without the last rows of its last lists."""
    if method in LISTS:
        whole = reply[LISTS[method]]
        return reply | {LISTS[method]: whole[: max(0, len(whole) - records)]}
    left = records
    cut = dict(reply)
    for key in reversed([key for key, value in reply.items() if isinstance(value, list)]):
        taken = min(left, len(cut[key]))
        left -= taken
        cut[key] = cut[key][: len(cut[key]) - taken]
        if not cut[key]:
            del cut[key]
    return cut
