-- Generic schema: see orgs.sql. Several rows for one pupil and section are stays one after the other: all that were
-- not dropped go on, and the sync takes the one of its day. An end is the last day there.
SELECT r.roster_id AS sourced_id,
       r.section_id AS class_id,
       r.person_id AS user_id,
       'student' AS role,
       CAST(NULL AS boolean) AS is_primary,
       r.start_date AS begin_date,
       r.end_date
FROM roster r
JOIN student p ON p.person_id = r.person_id AND p.enroll_status = 0
JOIN section s ON s.section_id = r.section_id AND COALESCE(s.status, 'active') = 'active'
WHERE NOT r.dropped
UNION ALL
SELECT NULL, t.section_id, t.person_id,
       CASE WHEN t.role = 'aide' THEN 'aide' ELSE 'teacher' END,
       t.role = 'primary', t.start_date, t.end_date
FROM section_staff t
JOIN section s ON s.section_id = t.section_id AND COALESCE(s.status, 'active') = 'active'
