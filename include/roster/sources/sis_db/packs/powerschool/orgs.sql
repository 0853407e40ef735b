-- PowerSchool's database on Oracle, read directly. UNVERIFIED: written after public scripts of schools that do so, and
-- run against made-up tables with these columns only (tests/roster_airflow/hooks/test_sis_db_packs.py), not against
-- PowerSchool. Not verified either: that state_excludefromreporting is 1 for a school that is to be left out.
SELECT CAST(s.school_number AS varchar(32)) AS sourced_id,
       s.name,
       'school' AS type
FROM schools s
WHERE s.school_number NOT IN (0, 999999)
  AND COALESCE(s.state_excludefromreporting, 0) <> 1
