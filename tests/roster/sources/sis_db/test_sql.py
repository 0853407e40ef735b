"""What is put around a query, and where its parameters are."""

from __future__ import annotations

import pytest

from roster.sources.sis_db.sql import bound, counting, describing, named, one, selecting

TRICKY = """
SELECT a::text, ':no', ":nor", $$ :this $$, $x$ :that $x$, E'it\\'s :not', t.x /* :hidden; */
FROM t -- :neither; this
WHERE day <= :as_of AND b LIKE '%x' AND c = :yearid AND d > :as_of
"""


def test_parameters_are_found_outside_of_texts_names_and_comments() -> None:
    assert named(TRICKY) == ("as_of", "yearid")
    assert named("SELECT a[1:2], x::date FROM t") == ()


def test_each_becomes_what_the_driver_takes() -> None:
    assert bound(TRICKY, "named") == TRICKY
    found = bound(TRICKY, "pyformat")
    assert found.count("%(as_of)s") == 2
    assert found.count("%(yearid)s") == 1
    assert "LIKE '%%x'" in found
    assert "':no'" in found
    assert "$$ :this $$" in found


def test_a_query_without_parameters_stays_as_it_is() -> None:
    assert bound("SELECT '%' FROM t", "pyformat") == "SELECT '%' FROM t"


@pytest.mark.parametrize("end", ["", ";", " ; ", ";\n-- the end; really\n", "; /* so */"])
def test_a_closing_semicolon_is_left_out(end: str) -> None:
    found = one(f"SELECT ';' AS a FROM t{end}")
    assert found.startswith("SELECT ';' AS a FROM t")
    assert ";" not in found.replace("';'", "").replace("the end; really", "")


@pytest.mark.parametrize("text", ["SELECT 1; DROP TABLE t", "SELECT 1; ;", "DELETE FROM a; SELECT 1;", "a; -- x\nb"])
def test_several_statements_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than one statement"):
        one(text)


@pytest.mark.parametrize("text", ["", " \n", "-- nothing", "/* nothing\n at all */ ;"])
def test_no_statement_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds no query"):
        one(text)


def test_a_query_is_a_part_of_a_select() -> None:
    query = "SELECT a FROM t -- to the end"
    assert describing(query).splitlines() == ["SELECT * FROM (", query, ") roster_query WHERE 1 = 0"]
    assert counting(query).splitlines() == ["SELECT COUNT(*) FROM (", query, ") roster_query"]
    assert selecting(query, ["A", 'b"c']).splitlines() == [
        'SELECT "A", "b""c" FROM (',
        query,
        ") roster_query ORDER BY 1, 2",
    ]
