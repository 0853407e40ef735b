"""`make run`: Canvas's stand-in, Airflow and a district, set up, run for a night and shown.

    places      where everything lies: one work folder
    keys        tokens, passwords and ports, made once
    settings    the tenant file, and the environment that Airflow is started with
    processes   what is started, and that it ends
    airflow     Airflow by its REST API
    nights      which night of the district is next, and what Canvas has to hold after it
    comparison  what Canvas holds against what it should
    report      a finished night in the words of its run folder
    stage       all of it standing; `play` is one night
    show        what a person reads

It knows of the rest of the project what anybody may: tenant files, environment variables, the REST API, and the files
of a run folder.
"""
