"""Reading Canvas SIS files as strictly as Canvas does, to know what it would refuse or take amiss before it is sent.

`lint(paths)` in `linting` is the whole of it. `uploads` opens folders and zips, `pieces` makes frames of bytes (`exact`
record by record where quotes make it hard), `kinds` is what each type of file holds, `rows` judges rows by themselves,
`standing` judges them against the rest of the set. A rule is an entry in `rules.RULES`, used where it is judged, with
a failing and a passing file in tests/roster/lint/cases.py; `python -m roster.lint.page` writes it into the docs.

Findings give places, never values: an id is people's data.
"""
