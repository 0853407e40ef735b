-- Synergetic, UNVERIFIED: see orgs.sql. A section's school and term are those of its course.
SELECT s.section_id AS sourced_id,
       s.name AS title,
       s.course_id,
       c.account_id AS school_id,
       c.term_id AS session_id
FROM uvCanvasSections s
JOIN uvCanvasCourses c ON c.course_id = s.course_id AND c.status = 'active'
WHERE s.status = 'active'
