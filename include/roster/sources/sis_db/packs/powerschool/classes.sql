-- PowerSchool, UNVERIFIED: see orgs.sql. Not verified: that the id of a section stays when its teacher changes.
SELECT CAST(c.id AS varchar(32)) AS sourced_id,
       k.course_name || ' ' || c.section_number AS title,
       c.section_number AS code,
       c.expression AS period,
       c.course_number AS course_id,
       CAST(c.schoolid AS varchar(32)) AS school_id,
       CAST(c.schoolid AS varchar(10)) || '-' || CAST(c.termid AS varchar(10)) AS session_id
FROM sections c
JOIN courses k ON k.course_number = c.course_number
JOIN schools s ON s.school_number = c.schoolid
JOIN terms t ON t.id = c.termid AND t.schoolid = c.schoolid
WHERE s.school_number NOT IN (0, 999999)
  AND COALESCE(s.state_excludefromreporting, 0) <> 1
  AND EXISTS (SELECT 1 FROM terms y
              WHERE y.yearid = t.yearid AND y.schoolid = t.schoolid AND y.lastday + 120 >= :as_of)
