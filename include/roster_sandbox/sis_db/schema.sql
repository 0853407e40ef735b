-- A school's own system in ten tables, in types that PostgreSQL and SQLite both take.
CREATE TABLE school (
    school_id varchar(32) PRIMARY KEY,
    name varchar(200) NOT NULL,
    parent_id varchar(32),
    active boolean NOT NULL DEFAULT true
);
CREATE TABLE term (
    term_id varchar(64) PRIMARY KEY,
    school_id varchar(32) NOT NULL REFERENCES school,
    parent_term_id varchar(64),
    name varchar(100) NOT NULL,
    kind varchar(12) NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    school_year int NOT NULL
);
CREATE TABLE person (
    person_id varchar(32) PRIMARY KEY,
    external_no varchar(64) UNIQUE,
    username varchar(120),
    email varchar(254),
    legal_first varchar(100),
    legal_last varchar(100),
    preferred_first varchar(100),
    preferred_last varchar(100),
    middle varchar(100),
    updated_at timestamptz NOT NULL
);
CREATE TABLE student (
    person_id varchar(32) PRIMARY KEY REFERENCES person,
    school_id varchar(32) REFERENCES school,
    grade_level varchar(10),
    enroll_status smallint NOT NULL,
    entry_date date,
    exit_date date,
    homeroom varchar(32)
);
CREATE TABLE staff (
    person_id varchar(32) NOT NULL REFERENCES person,
    school_id varchar(32) NOT NULL REFERENCES school,
    staff_no varchar(32),
    status varchar(10) NOT NULL,
    PRIMARY KEY (person_id, school_id)
);
CREATE TABLE course (
    course_no varchar(32) NOT NULL,
    school_id varchar(32) NOT NULL REFERENCES school,
    name varchar(200) NOT NULL,
    dept varchar(60),
    active boolean,
    PRIMARY KEY (course_no, school_id)
);
CREATE TABLE section (
    section_id varchar(32) PRIMARY KEY,
    course_no varchar(32) NOT NULL,
    school_id varchar(32) NOT NULL REFERENCES school,
    term_id varchar(64) NOT NULL REFERENCES term,
    section_no varchar(16),
    title varchar(200),
    period_expr varchar(60),
    room varchar(32),
    is_homeroom boolean DEFAULT false,
    xlist_group varchar(32),
    status varchar(10),
    FOREIGN KEY (course_no, school_id) REFERENCES course
);
CREATE TABLE section_staff (
    section_id varchar(32) NOT NULL REFERENCES section,
    person_id varchar(32) NOT NULL REFERENCES person,
    role varchar(16) NOT NULL,
    start_date date NOT NULL,
    end_date date,
    PRIMARY KEY (section_id, person_id, role, start_date)
);
CREATE TABLE roster (
    roster_id varchar(32) PRIMARY KEY,
    section_id varchar(32) NOT NULL REFERENCES section,
    person_id varchar(32) NOT NULL REFERENCES person,
    start_date date NOT NULL,
    end_date date,
    dropped boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL
);
CREATE TABLE guardian (
    guardian_id varchar(32) NOT NULL REFERENCES person,
    student_id varchar(32) NOT NULL REFERENCES person,
    email varchar(254),
    relationship varchar(30),
    has_custody boolean,
    portal_access boolean,
    PRIMARY KEY (guardian_id, student_id)
);
