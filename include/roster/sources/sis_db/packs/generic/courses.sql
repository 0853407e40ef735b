-- Generic schema: see orgs.sql. A course's number is its own school's only, so the school is part of the id.
SELECT c.school_id || '-' || c.course_no AS sourced_id,
       c.name AS title,
       c.course_no AS code,
       c.school_id
FROM course c
