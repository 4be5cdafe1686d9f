# A small image with one program and its page, run by nobody in particular. `docker build -t palabre .`
FROM node:22-bookworm-slim AS page
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web .
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential=12.9 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# A release program holds its page within.
COPY --from=page /build/web/dist web/dist
RUN cargo build --release --locked --bin palabre \
 && mkdir -p /out/data && cp target/release/palabre /out/palabre

# Only what a C program needs, and a user without a shell. No package manager, nothing to keep up to date but this line.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/palabre /usr/local/bin/palabre
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV PALABRE_DATA=/data PALABRE_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/palabre"]
CMD ["serve"]
