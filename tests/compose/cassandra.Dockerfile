# Apache Cassandra as tests/cassandra starts it, in a container: stands in for ScyllaDB in tests.
ARG RUNTIME=docker.io/library/debian:bookworm-slim
FROM ${RUNTIME}
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates maven openjdk-17-jdk-headless \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /cassandra
COPY tests/cassandra/pom.xml ./
RUN mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars && touch jars/complete
COPY tests/cassandra/start tests/compose/cassandra ./
RUN install -d -o 10002 -g 10002 /var/lib/cassandra
USER 10002:10002
VOLUME /var/lib/cassandra
EXPOSE 9042
ENTRYPOINT ["./cassandra"]
