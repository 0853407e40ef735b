-- Synergetic on SQL Server, by the views uvCanvas… that schools make for Canvas. UNVERIFIED: the names of the views
-- are those of public scripts; that their columns are called as in Canvas's CSV files is assumed, and every school's
-- views are its own. Run against made-up views only (tests/roster_airflow/hooks/test_sis_db_packs.py), and never on
-- SQL Server.
SELECT a.account_id AS sourced_id,
       a.name,
       CASE WHEN EXISTS (SELECT 1 FROM uvCanvasAccounts b WHERE b.parent_account_id = a.account_id)
            THEN 'district' ELSE 'school' END AS type,
       a.parent_account_id AS parent_id
FROM uvCanvasAccounts a
WHERE a.status = 'active'
