-- PowerSchool, UNVERIFIED: see orgs.sql. Ids are numbers of pupils and of teachers, which may be the same ones: hence
-- S_ and T_. E-mail addresses are given to others later, so they are no ids. A teacher has a row for each school.
-- Pupils' addresses stand in an extension, whose name differs from school to school. Not verified: that 0 is the
-- enroll_status of an active pupil and 1 the status of a current teacher. There are no guardians: their columns are
-- not known for sure.
SELECT 'S_' || CAST(p.student_number AS varchar(32)) AS sourced_id,
       'student' AS kind,
       p.first_name AS given_name,
       p.middle_name AS middle_name,
       p.last_name AS family_name,
       p.student_web_id AS username,
       x.emailstudent AS email,
       CAST(p.student_number AS varchar(32)) AS identifier,
       CAST(s.school_number AS varchar(32)) AS school_id
FROM students p
LEFT JOIN schools s ON s.school_number = p.schoolid AND s.school_number NOT IN (0, 999999)
  AND COALESCE(s.state_excludefromreporting, 0) <> 1
LEFT JOIN u_studentsuserfields x ON x.studentsdcid = p.dcid
WHERE p.enroll_status = 0
UNION ALL
SELECT 'T_' || CAST(t.teachernumber AS varchar(32)), 'staff', t.first_name, t.middle_name, t.last_name, t.loginid,
       t.email_addr, CAST(t.teachernumber AS varchar(32)), CAST(s.school_number AS varchar(32))
FROM teachers t
LEFT JOIN schools s ON s.school_number = t.schoolid AND s.school_number NOT IN (0, 999999)
  AND COALESCE(s.state_excludefromreporting, 0) <> 1
WHERE t.status = 1 AND t.teachernumber IS NOT NULL
