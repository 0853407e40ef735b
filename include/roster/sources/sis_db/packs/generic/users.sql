-- Generic schema: see orgs.sql. Pupils with enroll_status 0 (active), active staff with a row for each school, and the
-- guardians of the pupils. Without a school of theirs marked as primary, the first by its id is.
SELECT p.person_id AS sourced_id,
       'student' AS kind,
       p.legal_first AS given_name,
       p.middle AS middle_name,
       p.legal_last AS family_name,
       p.preferred_first AS preferred_given_name,
       p.preferred_last AS preferred_family_name,
       p.username,
       p.email,
       p.external_no AS identifier,
       s.school_id
FROM student s
JOIN person p ON p.person_id = s.person_id
WHERE s.enroll_status = 0
UNION ALL
SELECT p.person_id, 'staff', p.legal_first, p.middle, p.legal_last, p.preferred_first, p.preferred_last,
       p.username, p.email, COALESCE(s.staff_no, p.external_no), s.school_id
FROM staff s
JOIN person p ON p.person_id = s.person_id
WHERE s.status = 'active'
UNION ALL
SELECT g.guardian_id, 'guardian', p.legal_first, p.middle, p.legal_last, p.preferred_first, p.preferred_last,
       p.username, COALESCE(g.email, p.email), p.external_no, s.school_id
FROM guardian g
JOIN student s ON s.person_id = g.student_id AND s.enroll_status = 0
LEFT JOIN person p ON p.person_id = g.guardian_id
WHERE g.portal_access IS NOT FALSE
