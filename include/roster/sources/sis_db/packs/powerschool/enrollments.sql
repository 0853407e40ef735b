-- PowerSchool, UNVERIFIED: see orgs.sql. A place that was dropped has a negative sectionid, and is left out. Not
-- verified: that dateleft is the first day that a pupil is no longer there (hence - 1), and that the teacher of a
-- section is the lead one of sectionteacher.
SELECT 'cc-' || CAST(e.id AS varchar(32)) AS sourced_id,
       CAST(e.sectionid AS varchar(32)) AS class_id,
       'S_' || CAST(p.student_number AS varchar(32)) AS user_id,
       'student' AS role,
       CAST(NULL AS integer) AS is_primary,
       e.dateenrolled AS begin_date,
       e.dateleft - 1 AS end_date
FROM cc e
JOIN students p ON p.id = e.studentid AND p.enroll_status = 0
JOIN sections c ON c.id = e.sectionid
JOIN schools s ON s.school_number = c.schoolid
JOIN terms t ON t.id = c.termid AND t.schoolid = c.schoolid
WHERE e.sectionid > 0
  AND s.school_number NOT IN (0, 999999)
  AND COALESCE(s.state_excludefromreporting, 0) <> 1
  AND EXISTS (SELECT 1 FROM terms y
              WHERE y.yearid = t.yearid AND y.schoolid = t.schoolid AND y.lastday + 120 >= :as_of)
UNION ALL
SELECT CAST(NULL AS varchar(32)), CAST(c.id AS varchar(32)), 'T_' || CAST(f.teachernumber AS varchar(32)), 'teacher',
       CASE WHEN w.teacherid = c.teacher THEN 1 ELSE 0 END, w.start_date, w.end_date
FROM sectionteacher w
JOIN teachers f ON f.id = w.teacherid AND f.status = 1 AND f.teachernumber IS NOT NULL
JOIN sections c ON c.id = w.sectionid
JOIN schools s ON s.school_number = c.schoolid
JOIN terms t ON t.id = c.termid AND t.schoolid = c.schoolid
WHERE s.school_number NOT IN (0, 999999)
  AND COALESCE(s.state_excludefromreporting, 0) <> 1
  AND EXISTS (SELECT 1 FROM terms y
              WHERE y.yearid = t.yearid AND y.schoolid = t.schoolid AND y.lastday + 120 >= :as_of)
