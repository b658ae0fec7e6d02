# The command adaattn with everything that it needs, ffmpeg among it: docker build -t adaattn .
ARG NODE=node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6

FROM ${NODE} AS build
WORKDIR /app
# Packages are installed anew only where these files have changed.
COPY package.json package-lock.json .npmrc ./
COPY packages/adaattn/package.json packages/adaattn/
COPY packages/cli/package.json packages/cli/
COPY packages/graph/package.json packages/graph/
COPY packages/server/package.json packages/server/
COPY packages/train/package.json packages/train/
COPY apps/studio/package.json apps/studio/
RUN npm ci --no-audit --no-fund
COPY LICENSE NOTICE tsconfig.json tsdown.base.ts ./
COPY assets assets
COPY models models
COPY packages packages
COPY apps apps
# A picture that the studio begins with.
COPY docs/gallery/castle-van-gogh-starry-night.jpg docs/gallery/
RUN npm run build
RUN npm prune --omit=dev --no-audit --no-fund
COPY scripts/image.ts scripts/
RUN node scripts/image.ts /image

FROM ${NODE}
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends ffmpeg tini \
  && rm -rf /var/lib/apt/lists/* \
  && install -d -o node -g node /data /scratch
WORKDIR /app
COPY --from=build /image/modules ./
COPY --from=build /image/app ./
ENV NODE_ENV=production
USER node
VOLUME ["/data", "/scratch"]
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "node", "/app/packages/cli/bin/adaattn.js"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
