-- A small school in the generic schema, in which every value is another. Played on 2026-02-02.
INSERT INTO school VALUES ('d0', 'Fern District', NULL, TRUE), ('0071', 'Fern Hill', 'd0', TRUE),
    ('0072', 'Gum Creek', 'd0', TRUE), ('0073', 'Closed School', 'd0', FALSE);
INSERT INTO term VALUES ('y26', '0071', NULL, 'Year 26', 'year', '2025-09-01', '2026-06-30', 2025),
    ('s1', '0072', 'y26', 'Half 1', 'term', '2025-09-02', '2026-01-16', 2025);
INSERT INTO person VALUES
    ('p1', 'N1', 'anno', 'ann@x.example', 'Ann', 'Ode', NULL, NULL, 'Q', '2026-01-01'),
    ('p2', 'N2', 'bobb', 'bo@x.example', 'Robert', 'Bell', 'Bo', 'Belle', 'R', '2026-01-02'),
    ('p3', 'N3', 'cyc', 'cy@x.example', 'Cy', 'Left', NULL, NULL, NULL, '2026-01-03'),
    ('t1', 'N4', 'tessv', 'tess@x.example', 'Tess', 'Vaux', NULL, NULL, NULL, '2026-01-04'),
    ('t2', 'N5', 'hugoh', 'hugo@x.example', 'Hugo', 'Hall', NULL, NULL, NULL, '2026-01-05'),
    ('t3', 'N6', 'gonet', 'gone@x.example', 'Gone', 'Teacher', NULL, NULL, NULL, '2026-01-06'),
    ('g1', NULL, NULL, NULL, 'Maria', 'Odell', NULL, NULL, NULL, '2026-01-07'),
    ('g2', NULL, NULL, 'own@x.example', 'Otto', 'Odin', NULL, NULL, NULL, '2026-01-08');
INSERT INTO student VALUES ('p1', '0071', '7', 0, '2025-09-01', NULL, 'H1'), ('p2', '0072', '8', 0, NULL, NULL, NULL),
    ('p3', '0071', '9', 2, NULL, '2025-12-01', NULL);
INSERT INTO staff VALUES ('t1', '0071', 'S1', 'active'), ('t1', '0072', 'S1', 'active'), ('t2', '0072', 'S2', 'active'),
    ('t3', '0071', 'S3', 'left');
INSERT INTO course VALUES ('M7', '0071', 'Maths 7', 'maths', TRUE), ('M7', '0072', 'Music 7', 'arts', TRUE);
INSERT INTO section VALUES
    ('c1', 'M7', '0071', 'y26', '1', 'Maths, first', '3(A)', 'R1', FALSE, NULL, 'active'),
    ('c2', 'M7', '0071', 'y26', '2', NULL, '4(A)', 'R2', FALSE, NULL, NULL),
    ('c3', 'M7', '0072', 's1', '3', 'Music', '5(A)', 'R3', FALSE, NULL, 'active'),
    ('c4', 'M7', '0071', 'y26', '4', 'Cancelled', '6(A)', 'R4', FALSE, NULL, 'closed');
INSERT INTO section_staff VALUES ('c1', 't1', 'primary', '2025-09-01', NULL), ('c1', 't2', 'aide', '2025-09-03', NULL),
    ('c2', 't1', 'co', '2025-09-04', NULL), ('c2', 't2', 'primary', '2025-09-05', '2025-12-19'),
    ('c3', 't2', 'primary', '2025-09-02', NULL), ('c4', 't2', 'primary', '2025-09-06', NULL);
-- p1 left c1 and came back; was in c2 by mistake; p2 ended in c1; p3 left the school.
INSERT INTO roster VALUES ('r1', 'c1', 'p1', '2025-09-01', '2025-10-10', FALSE, '2026-01-01'),
    ('r2', 'c1', 'p1', '2025-11-03', NULL, FALSE, '2026-01-02'),
    ('r3', 'c2', 'p1', '2025-09-01', NULL, TRUE, '2026-01-03'),
    ('r4', 'c1', 'p2', '2025-09-07', '2025-12-05', FALSE, '2026-01-04'),
    ('r5', 'c2', 'p2', '2026-02-20', NULL, FALSE, '2026-01-05'),
    ('r6', 'c3', 'p2', '2025-09-02', NULL, FALSE, '2026-01-06'),
    ('r7', 'c1', 'p3', '2025-09-08', NULL, FALSE, '2026-01-07'),
    ('r8', 'c4', 'p2', '2025-09-09', NULL, FALSE, '2026-01-08');
INSERT INTO guardian VALUES ('g1', 'p1', 'maria@x.example', 'Mother', TRUE, TRUE),
    ('g2', 'p1', NULL, 'Father', FALSE, NULL), ('g2', 'p2', NULL, 'Uncle', FALSE, FALSE),
    ('g2', 'p3', NULL, 'Father', TRUE, TRUE);
