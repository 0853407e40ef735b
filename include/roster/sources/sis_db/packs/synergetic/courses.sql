-- Synergetic, UNVERIFIED: see orgs.sql.
SELECT c.course_id AS sourced_id,
       c.long_name AS title,
       c.short_name AS code,
       c.account_id AS school_id
FROM uvCanvasCourses c
WHERE c.status = 'active'
