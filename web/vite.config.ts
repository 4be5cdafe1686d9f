// How the page is built, and how it is served while it is worked on: what it asks of the server goes to a running one.
import { brotliCompressSync, gzipSync } from 'node:zlib';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const server = process.env.PALABRE_URL ?? 'http://127.0.0.1:8080';
// The server takes writes of its own origin alone.
const proxied = { target: server, headers: { origin: server } };

/** Smaller files are sent as they are, in bytes. */
const COMPRESSED_FROM = 1_024;

/** Puts a compressed copy beside each text, so that the server never compresses the same twice. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  enforce: 'post',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      const content = file.type === 'chunk' ? file.code : file.source;
      if (!/\.(js|css|json|html|svg)$/.test(file.fileName) || content.length < COMPRESSED_FROM) continue;
      this.emitFile({ type: 'asset', fileName: `${file.fileName}.br`, source: brotliCompressSync(content) });
      this.emitFile({ type: 'asset', fileName: `${file.fileName}.gz`, source: gzipSync(content, { level: 9 }) });
    }
  },
};

export default defineConfig({
  plugins: [svelte(), compressed],
  build: {
    target: 'es2023',
    // The policy of the page allows no inlined assets, nor the inlined script of the polyfill.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: { '/api': proxied, '/healthz': proxied, '/ws': { ...proxied, ws: true } },
  },
  test: { include: ['src/**/*.test.ts'] },
});
