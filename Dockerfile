# syntax=docker/dockerfile:1
# The program in a small image: `docker build -t cartwright .` (BuildKit, or podman 4 or later, with
# `--format docker`, as images in OCI's format have no health check).
ARG BUILDER=docker.io/library/rust:1.95-bookworm
ARG RUNTIME=docker.io/library/debian:bookworm-slim

FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
# What cargo fetched and compiled outlives the build, so the next one compiles only what changed.
# Cargo judges by times: a file that differs may be older than what was compiled from another tree.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    find . -path ./target -prune -o -type f -exec touch {} + \
    && CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=symbols \
       cargo build --release --locked --bin cartwright \
    && cp target/release/cartwright /usr/local/bin/cartwright

FROM ${RUNTIME}
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
    && install -d -m 0700 -o 10001 -g 10001 /data
COPY --from=build /usr/local/bin/cartwright /usr/local/bin/cartwright
# A number, so that "not root" can be checked without a look into the image.
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV CARTWRIGHT_LISTEN=0.0.0.0:8080 \
    CARTWRIGHT_STORE=embedded:/data
EXPOSE 8080
# Whether it lives; whether it should get traffic is `cartwright health --ready`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["cartwright", "health"]
ENTRYPOINT ["cartwright"]
CMD ["serve"]
