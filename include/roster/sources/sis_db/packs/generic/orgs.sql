-- Generic schema (docs/sources/sis_db.md), for PostgreSQL and SQLite: both are tested. Oracle and SQL Server have no
-- boolean columns, and SQL Server no ||: there, copy these files and change that.
SELECT s.school_id AS sourced_id,
       s.name,
       CASE WHEN EXISTS (SELECT 1 FROM school b WHERE b.parent_id = s.school_id) THEN 'district' ELSE 'school' END
         AS type,
       s.parent_id
FROM school s
WHERE s.active
