// How the page is built, and how it is served while it is worked on: what it asks of the server goes to a running one.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  // Not before they are written: Vite puts the last names into its scripts after every other step.
  async writeBundle({ dir }) {
    if (!dir) return;
    for (const name of await readdir(dir, { recursive: true })) {
      if (!/\.(js|css|json|html|svg)$/.test(name)) continue;
      const content = await readFile(join(dir, name));
      if (content.length < COMPRESSED_FROM) continue;
      await writeFile(join(dir, `${name}.br`), brotliCompressSync(content));
      await writeFile(join(dir, `${name}.gz`), gzipSync(content, { level: 9 }));
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
