-- Synergetic, UNVERIFIED: see orgs.sql. An enrolment that names no section can't be told to belong to one.
SELECT e.section_id AS class_id,
       e.user_id,
       CASE WHEN e.role = 'ta' THEN 'aide' ELSE e.role END AS role
FROM uvCanvasEnrolments e
JOIN uvCanvasSections s ON s.section_id = e.section_id AND s.status = 'active'
WHERE e.status = 'active' AND e.role IN ('student', 'teacher', 'ta')
