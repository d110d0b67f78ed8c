import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv, type ProxyOptions } from 'vite';

/**
 * `VITE_TARGET=http://127.0.0.1:4570 npm run dev` serves the page from the sources and asks a
 * running playground for all else. The server takes a sign-in only from its own origin, so the
 * proxy says that one.
 */
function proxyTo(target: string): Record<string, ProxyOptions> {
  const own: ProxyOptions = { target, changeOrigin: true, headers: { origin: target } };
  return { '/v1': own, '/session': own, '/config.json': own };
}

export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, '.', 'VITE_').VITE_TARGET ?? process.env.VITE_TARGET;
  return {
    plugins: [react()],
    server: { port: 5173, strictPort: true, proxy: target ? proxyTo(target) : {} },
    build: {
      target: 'es2022',
      // Fonts and pictures are files of their own: no data in the style that the first page waits for.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      manifest: true,
    },
    test: {
      include: ['tests/**/*.test.ts'],
      environment: 'node',
      // What the browser gets, not what Node.js would.
      alias: { mqtt: 'mqtt/dist/mqtt.esm' },
    },
  };
});
