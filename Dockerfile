# The same lock that the tests run on; a change of code needs no new image, docker-compose.yaml mounts it.
FROM python:3.12-slim-bookworm

ENV AIRFLOW_HOME=/opt/airflow \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/airflow/include \
    PYTHONUNBUFFERED=1 \
    ROSTER_HOME=/opt/airflow/roster \
    ROSTER_TENANTS=/opt/airflow/tenants

# Volumes take their owner from these folders, so nothing has to run as root later.
RUN useradd --uid 50000 --gid 0 --create-home airflow \
    && install --directory --owner=50000 --group=0 --mode=0750 /opt/airflow /opt/airflow/logs /opt/airflow/tenants \
    && install --directory --owner=50000 --group=0 --mode=0700 /opt/airflow/roster

WORKDIR /opt/airflow
COPY requirements.txt ./
RUN pip install --no-cache-dir --requirement requirements.txt

COPY --chown=50000:0 pyproject.toml LICENSE ./
COPY --chown=50000:0 include include
COPY --chown=50000:0 plugins plugins
COPY --chown=50000:0 dags dags
# As a distribution: Airflow reads connection types from its entry point, and `roster` comes to PATH.
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

USER 50000:0
CMD ["airflow", "version"]
