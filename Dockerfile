# A small image: one virtual environment with the wheel, no build tools, and a non-root user.
# tests/acceptance/test_wheel.py runs the same steps without Docker.
FROM python:3.13-slim AS build
WORKDIR /src
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir uv==${UV_VERSION}
COPY manifest.yml pyproject.toml uv.lock README.md LICENSE ./
# Install locked dependencies first, so that Docker caches them across code changes.
RUN uv export --locked --no-dev --extra mcp --no-emit-project --format requirements-txt > requirements.txt \
    && uv venv /opt/trainwatch \
    && uv pip install --python /opt/trainwatch --no-cache -r requirements.txt
COPY bot bot
COPY migrations migrations
COPY docs docs
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
# Asks the bot's own /readyz: loops, database, Slack and platforms, not only the process.
HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD ["trainwatch", "check", "--health"]
# serve upgrades the database schema first.
CMD ["trainwatch", "serve"]
