"""The pages inside the Airflow UI, below `/roster`. Every route names who may call it: Airflow guards none by itself."""
