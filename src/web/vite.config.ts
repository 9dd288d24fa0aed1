/** `vite build src/web`: the page, into dist/web. Nothing inline, since the daemon's policy forbids it. */
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
