-- Generic schema: see orgs.sql. A section without a title is called after its course and number.
SELECT s.section_id AS sourced_id,
       COALESCE(s.title, c.name || COALESCE(' ' || s.section_no, '')) AS title,
       s.section_no AS code,
       s.period_expr AS period,
       s.school_id || '-' || s.course_no AS course_id,
       s.school_id,
       s.term_id AS session_id
FROM section s
LEFT JOIN course c ON c.course_no = s.course_no AND c.school_id = s.school_id
WHERE COALESCE(s.status, 'active') = 'active'
