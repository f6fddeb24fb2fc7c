// Builds the Control UI into the Python package, with each text packed beside it as browsers take it.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { defineConfig } from 'vite';

const packings = [
  ['.br', (text) => promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })],
  ['.gz', (text) => promisify(gzip)(text, { level: 9 })],
];

const pack = {
  name: 'pack',
  async writeBundle({ dir }) {
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(html|js|css|svg|json)$/.test(entry.name)) continue;
      const file = join(entry.parentPath ?? entry.path, entry.name);
      const text = await readFile(file);
      for (const [suffix, packed] of packings) await writeFile(file + suffix, await packed(text));
    }
  },
};

export default defineConfig({
  base: './',
  logLevel: 'warn',
  build: {
    outDir: '../openclaw_core/control_ui/static',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [pack],
});
