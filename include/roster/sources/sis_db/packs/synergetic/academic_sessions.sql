-- Synergetic, UNVERIFIED: see orgs.sql. The columns are those that a public script's table has.
SELECT t.TermID AS sourced_id,
       t.TermName AS title,
       t.StartDate AS start_date,
       t.EndDate AS end_date
FROM uCanvasTerms t
WHERE t.TermStatus = 'active'
