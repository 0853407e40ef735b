-- Generic schema: see orgs.sql. Whoever was refused the portal is no guardian here; custody decides nothing.
SELECT g.guardian_id,
       g.student_id,
       g.relationship
FROM guardian g
JOIN student s ON s.person_id = g.student_id AND s.enroll_status = 0
WHERE g.portal_access IS NOT FALSE
