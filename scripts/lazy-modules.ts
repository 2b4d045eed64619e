// Large modules are loaded when something of them is used, not when a module of ours that may use them is: else a bundle
// has all imports of the runtime at its top, and `cert-renew --help` waits for TLS, HTTP and YAML.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { Plugin } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** The small ones, which every start needs (fs, path, process), stay plain imports. */
const runtime = /^node:(child_process|crypto|https?|net|os|readline|timers\/promises|tls|util|zlib)$/;
const packages = /^yaml$/;
/** As yaml, which is CommonJS, asks for them: an ES module has no require() for that. */
const required = /^(process|buffer)$/;

/** For esbuild. */
export const lazyModules: Plugin = {
  name: 'lazy-modules',
  setup(build) {
    build.onResolve({ filter: runtime }, ({ path }) => ({ path, namespace: 'lazy' }));
    build.onResolve({ filter: packages }, ({ path, namespace }) =>
      namespace === 'lazy' ? undefined : { path, namespace: 'lazy' },
    );
    build.onResolve({ filter: required }, ({ path }) => ({ path: `node:${path}`, namespace: 'required' }));
    build.onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}');`,
      loader: 'js',
    }));
    build.onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({
      contents: lazyModule(path),
      loader: 'js',
      resolveDir: root,
    }));
  },
};

/** A module whose every export is a getter that loads the real one: what is used is the real thing, with all that is static. */
function lazyModule(name: string): string {
  const real: object = require(name);
  const names = Object.keys(real).filter((each) => /^\w+$/.test(each));
  const load = name.startsWith('node:') ? `process.getBuiltinModule('${name}')` : `require('${name}')`;
  const getters = names.map((each) => `get ${each}() { return load().${each}; }`);
  return `const load = () => ${load};\nmodule.exports = { ${getters.join(', ')} };`;
}
