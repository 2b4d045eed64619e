// Large modules are loaded when something of them is used, not when a module of ours that may use them is: else a bundle
// has all imports of the runtime at its top, and `cert-renew --help` waits for TLS, HTTP and YAML.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { Plugin } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** The small ones, which every start needs (fs, path, process), stay plain imports. */
const runtime =
  /^(node:(child_process|crypto|https?|net|os|readline|timers\/promises|tls|util|zlib)|process|buffer)$/;
const packages = /^yaml$/;

/** For esbuild. */
export const lazyModules: Plugin = {
  name: 'lazy-modules',
  setup(build) {
    build.onResolve({ filter: runtime }, ({ path }) => ({
      path: `node:${path.replace(/^node:/, '')}`,
      namespace: 'lazy',
    }));
    build.onResolve({ filter: packages }, ({ path, namespace }) =>
      namespace === 'lazy' ? undefined : { path, namespace: 'lazy' },
    );
    build.onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({
      contents: lazyModule(path),
      loader: 'js',
      resolveDir: root,
    }));
  },
};

/**
 * A module whose functions load the real one when they are called. As ES module it costs what is used of it: of a
 * CommonJS one every importer would get a copy of all names at its start.
 */
function lazyModule(name: string): string {
  const real: Readonly<Record<string, unknown>> = require(name);
  const load = name.startsWith('node:') ? `process.getBuiltinModule('${name}')` : `require('${name}')`;
  const functions = Object.keys(real).filter(
    (each) => /^\w+$/.test(each) && each !== 'default' && typeof real[each] === 'function',
  );
  // called by `new`, a function that returns an object gives just that
  const lines = functions.map(
    (each) =>
      `export function ${each}(...words) { const f = load().${each}; return new.target ? new f(...words) : f(...words); }`,
  );
  const getters = functions.map((each) => `get ${each}() { return load().${each}; }`);
  return [`const load = () => ${load};`, ...lines, `export default { ${getters.join(', ')} };`].join('\n');
}
