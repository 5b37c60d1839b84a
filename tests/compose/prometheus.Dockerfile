# Debian's Prometheus, started as the image of its makers starts their own. It is 2.42: what
# deploy/prometheus uses, and these flags, are the same in 3.5.
ARG RUNTIME=docker.io/library/debian:bookworm-slim
FROM ${RUNTIME}
RUN apt-get update \
    && apt-get install -y --no-install-recommends prometheus \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
    && install -d -o nobody -g nogroup /prometheus
USER nobody
WORKDIR /prometheus
VOLUME /prometheus
EXPOSE 9090
ENTRYPOINT ["prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
