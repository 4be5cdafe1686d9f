// How the page is built, and how it is served while it is worked on: what it asks of the server goes to a running one.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const server = process.env.PALABRE_URL ?? 'http://127.0.0.1:8080';
// The server takes writes of its own origin alone.
const proxied = { target: server, headers: { origin: server } };

export default defineConfig({
  plugins: [svelte()],
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
