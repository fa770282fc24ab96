import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Where the development server sends what only the Likeness server can answer.
const server = process.env.LIKENESS_PROXY ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // Nothing is inlined: the page's content security policy allows no data: scripts, styles or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Wallet and portal become further entries here. The script for other sites has a build of its own: vite.embed.config.ts.
    rolldownOptions: { input: { studio: 'index.html', reference: 'reference.html', admin: 'admin.html', capture: 'capture.html' } },
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    strictPort: true,
    proxy: { '/face': { target: server, ws: true }, '/healthz': server, '/openapi.json': server, '/openapi-admin.json': server, '/notice': server, '/admin/v1': server, '/api/quicklink': server },
  },
});
