# trainwatch in a small image: one virtual environment built from the wheel, no compiler, no shell tools of ours, non-root.
# The same steps are proved without Docker by tests/acceptance/test_wheel.py.
FROM python:3.13-slim AS build
WORKDIR /src
RUN pip install --no-cache-dir uv
COPY pyproject.toml uv.lock README.md ./
# Dependencies first, from the lock, so that a change of the code does not fetch them again.
RUN uv export --locked --no-dev --no-emit-project --format requirements-txt > requirements.txt \
    && uv venv /opt/trainwatch \
    && uv pip install --python /opt/trainwatch --no-cache -r requirements.txt
COPY bot bot
COPY migrations migrations
RUN uv build --wheel --out-dir dist \
    && uv pip install --python /opt/trainwatch --no-cache --no-deps dist/*.whl

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 trainwatch && mkdir /data && chown trainwatch /data
COPY --from=build /opt/trainwatch /opt/trainwatch
ENV PATH=/opt/trainwatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATABASE_URL=sqlite:////data/trainwatch.db
USER trainwatch
WORKDIR /data
VOLUME /data
# Sees a dead watcher, not only a dead process: the loops' heartbeats must be fresh.
HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD ["trainwatch", "check", "--health"]
# serve brings the schema up to date before it starts.
CMD ["trainwatch", "serve"]
