-- PowerSchool, UNVERIFIED: see orgs.sql. A course is the whole district's, so it has no school.
SELECT c.course_number AS sourced_id,
       c.course_name AS title,
       c.course_number AS code
FROM courses c
