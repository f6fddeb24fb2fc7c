// Bundles the A2UI host page's script into the Python package: one file, nothing loaded later.
import {readFile, mkdir} from 'node:fs/promises';
import {build} from 'esbuild';

const target = new URL('../openclaw_canvas/gateway/page/a2ui.js', import.meta.url);

// A2UI 0.8 and 0.9 define custom elements of the same names; a document has room for one of each.
// The elements of 0.8 get names of their own.
const ownNames = {
  name: 'own-names-for-0.8',
  setup({onLoad}) {
    onLoad({filter: /@a2ui[\\/]lit[\\/]src[\\/]0\.8[\\/]ui[\\/].*\.js$/}, async ({path}) => ({
      contents: (await readFile(path, 'utf8')).replaceAll('a2ui-', 'a2ui8-'),
    }));
  },
};

await mkdir(new URL('.', target), {recursive: true});
await build({
  entryPoints: ['src/page.js'],
  outfile: target.pathname,
  bundle: true,
  charset: 'utf8',
  format: 'iife',
  legalComments: 'inline',
  logLevel: 'warning',
  minify: true,
  plugins: [ownNames],
  target: 'chrome111',
});
