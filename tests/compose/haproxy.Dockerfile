# Debian's HAProxy, started as the image of the Docker library starts its own.
ARG RUNTIME=docker.io/library/debian:bookworm-slim
FROM ${RUNTIME}
RUN apt-get update \
    && apt-get install -y --no-install-recommends haproxy \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
USER haproxy
STOPSIGNAL SIGUSR1
ENTRYPOINT ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
