-- Generic schema: see orgs.sql. Every term, past ones too: what is current the sync decides by the days.
SELECT t.term_id AS sourced_id,
       t.name AS title,
       t.first_day AS start_date,
       t.last_day AS end_date,
       t.school_id
FROM term t
