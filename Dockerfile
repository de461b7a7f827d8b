# The image that flow runs start in. One image for every dataset; settings and blocks tell it where it runs.
# The base is an argument so that a mirror, or a root file system made by hand, can take its place.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/venv
# Dependencies first: this layer is rebuilt only when the lock changes. Every file is checked against its hash, and the lock is whole: see ADR 5.
COPY requirements.lock /tmp/requirements.lock
RUN /opt/venv/bin/python -m pip install --quiet --no-deps --require-hashes -r /tmp/requirements.lock \
    # 110 MB that no run reads: the libraries' own tests, Arrow's headers, the pages of Prefect's server, which is not started from here.
    && cd /opt/venv/lib/python3*/site-packages \
    && find pandas numpy pyarrow -type d -name tests -prune -exec rm -rf {} + \
    && rm -rf pyarrow/include prefect/server/ui prefect/server/ui-v2 prefect/server/ui_build prefect/server/ui_v2_build
# Editable, so that there is one copy of each room: `FROM esteira` plus `COPY datasets /app/datasets` changes what runs.
COPY . /app
RUN /opt/venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable /app \
    && /opt/venv/bin/python -m compileall -q /app

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="esteira" \
      org.opencontainers.image.description="Portal tables into trusted Amazon Redshift tables, exactly once, every day" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A fixed number, so that a volume's owner can be named in a task definition.
RUN groupadd --gid 10001 esteira \
    && useradd --uid 10001 --gid esteira --create-home --home-dir /home/esteira --shell /usr/sbin/nologin esteira \
    && mkdir -p /home/esteira/.prefect \
    && chown -R esteira:esteira /home/esteira
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/home/esteira \
    PREFECT_HOME=/home/esteira/.prefect \
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=false \
    # What the core logs, such as a request that is tried again, belongs to the run's story in the UI.
    PREFECT_LOGGING_EXTRA_LOGGERS=esteira,blocks \
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW=ignore \
    # Every line of the process goes through our handler: JSON where the task definition sets ESTEIRA_LOG_FORMAT=json, without secrets either way.
    PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS=esteira.observe.lines.Lines \
    # StopTask and Spot send SIGTERM. Without this a run would stay "Running" for ever.
    PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR=reschedule \
    # Arrow's own pool keeps what was freed, and so do glibc's arenas, the more of them and the larger the blocks in them: 110 MB of a batch's peak.
    ARROW_DEFAULT_MEMORY_POOL=system \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=4194304 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# The only places that are written to: the root file system may be read-only. Declared after chown, so the first belongs to the user; Fargate makes the
# task definition's empty volumes root's alone, unless the image declares the same paths.
VOLUME ["/home/esteira", "/tmp"]
WORKDIR /app
USER 10001:10001
# No ENTRYPOINT: the ECS worker replaces the command with `prefect flow-run execute`, a person with `esteira ...`.
# Neither reaps orphans as process 1: set `initProcessEnabled` in the task definition, or `--init` on a laptop.
CMD ["esteira", "--help"]
