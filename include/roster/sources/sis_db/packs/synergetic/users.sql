-- Synergetic, UNVERIFIED: see orgs.sql. The view does not tell pupils from staff: whoever teaches is staff here,
-- everybody else a pupil, and so are staff without a class. Give sync.ids.user and login_id one template for all
-- kinds, or write a query of your own that knows better. There are no guardians.
SELECT u.user_id AS sourced_id,
       CASE WHEN EXISTS (SELECT 1 FROM uvCanvasEnrolments e
                         WHERE e.user_id = u.user_id AND e.role IN ('teacher', 'ta', 'designer'))
            THEN 'staff' ELSE 'student' END AS kind,
       u.first_name AS given_name,
       u.last_name AS family_name,
       u.login_id AS username,
       u.email
FROM uvCanvasUsers u
WHERE u.status = 'active'
