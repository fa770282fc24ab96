// The script that other sites load, as one plain file with a name that stays: it may not be a module, which would need
// the server's consent to be loaded from elsewhere, and it must not leave names in the page it runs in.
import { defineConfig } from 'vite';

export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    emptyOutDir: false,
    lib: { entry: 'src/capture/embed/element.ts', formats: ['iife'], name: 'LikenessCapture', fileName: () => 'likeness-capture.js' },
  },
});
