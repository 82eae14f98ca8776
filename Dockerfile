# The always-on Linux half of qx-bot: it watches, plans, writes cards and publishes; on a CPU it also makes small
# quants. The token comes with `docker run`.
#
#   docker build -t qx-bot .
#   docker run -d --init --restart unless-stopped -e HF_TOKEN -v qx-bot:/data qx-bot
#
# /data holds watchlist.yaml, runs, caches and the database. The first time:
#   docker run --rm -it -v qx-bot:/data qx-bot init --account NAME

FROM python:3.11-slim AS wheel
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.11-slim
# OpenBLAS: the BLAS inside MLX's Linux wheel is some hundred times slower. git: a card names its template's commit.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends git libopenblas0-pthread \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir /wheel/*.whl
RUN useradd --create-home --uid 1000 bot \
    && install --directory --owner=bot --group=bot /data

USER 1000
# In the volume, so that a new container downloads no base a second time.
ENV BOT_HOME=/data HF_HOME=/data/huggingface
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=5m --timeout=60s --start-period=2m CMD ["bot", "status", "--json"]
ENTRYPOINT ["bot"]
CMD ["run"]
