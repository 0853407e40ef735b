"""The pages inside the Airflow UI, below `/roster`. Each route names who may call it: Airflow guards none."""
