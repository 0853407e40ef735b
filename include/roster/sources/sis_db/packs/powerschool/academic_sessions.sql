-- PowerSchool, UNVERIFIED: see orgs.sql. A term's id is its own school's only. Terms of school years that have not
-- ended more than 120 days ago: of older ones Canvas keeps what it has.
SELECT CAST(t.schoolid AS varchar(10)) || '-' || CAST(t.id AS varchar(10)) AS sourced_id,
       t.name AS title,
       t.firstday AS start_date,
       t.lastday AS end_date,
       CAST(t.schoolid AS varchar(32)) AS school_id
FROM terms t
JOIN schools s ON s.school_number = t.schoolid
WHERE s.school_number NOT IN (0, 999999)
  AND COALESCE(s.state_excludefromreporting, 0) <> 1
  AND EXISTS (SELECT 1 FROM terms y
              WHERE y.yearid = t.yearid AND y.schoolid = t.schoolid AND y.lastday + 120 >= :as_of)
