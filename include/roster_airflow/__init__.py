"""All that touches Airflow or a network."""
