# Two stages: one that compiles, and a slim one with the program and its run-time libraries.
#   docker build -t millrace .
#   docker run --rm -v "$PWD/millrace.conf:/etc/millrace/millrace.conf:ro" millrace
FROM debian:bookworm-slim AS builder
WORKDIR /src
# Libraries first: this layer is rebuilt only when the script changes.
COPY scripts/deps.sh scripts/deps.sh
RUN scripts/deps.sh --build
COPY . .
RUN MR_NO_DEPS=1 scripts/build.sh release \
    && strip --strip-debug -o /usr/local/bin/millrace build/release/millrace

FROM debian:bookworm-slim
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libavro23 libconfig9 libcurl4 libjansson4 liblz4-1 libmicrohttpd12 libpq5 libsasl2-2 \
        libsasl2-modules libsqlite3-0 libssl3 libsystemd0 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/millrace --create-home --shell /usr/sbin/nologin millrace \
    && mkdir /etc/millrace
COPY --from=builder /usr/local/bin/millrace /usr/local/bin/millrace
COPY --from=builder /src/LICENSE /usr/share/doc/millrace/LICENSE
# A library that is missing at run time must break the build of the image, not its first start.
RUN ! ldd /usr/local/bin/millrace | grep 'not found'
USER 10001
WORKDIR /var/lib/millrace
EXPOSE 9464
# /healthz by bash alone, so that the image needs no HTTP client; the token is sent where one is set.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${MILLRACE_HTTP_PORT:-9464} && printf 'GET /healthz HTTP/1.0\\r\\nAuthorization: Bearer %s\\r\\n\\r\\n' \"$MILLRACE_HTTP_TOKEN\" >&3 && read -r -t 4 line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["millrace"]
CMD ["run", "-c", "/etc/millrace/millrace.conf"]
