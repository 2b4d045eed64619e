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

/** A module that loads the real one when something of it is used. */
function lazyModule(name: string): string {
  const real: Readonly<Record<string, unknown>> = require(name);
  const names = Object.keys(real).filter((each) => /^\w+$/.test(each));
  const load = name.startsWith('node:') ? `process.getBuiltinModule('${name}')` : `require('${name}')`;
  const exports = name === 'node:crypto' ? functionsOf(names, real) : gettersOf(names);
  return `const load = () => ${load};\n${exports}`;
}

/** A CommonJS module whose every export is a getter. Each of its importers gets a copy of all of them at its start. */
const gettersOf = (names: readonly string[]): string =>
  `module.exports = { ${names.map((each) => `get ${each}() { return load().${each}; }`).join(', ')} };`;

/**
 * An ES module of functions, which costs what is used of it: for the module that most of ours import, and of which they
 * only call functions. No class of it keeps what is static, or is known by instanceof.
 */
const functionsOf = (names: readonly string[], real: Readonly<Record<string, unknown>>): string =>
  names
    .filter((each) => typeof real[each] === 'function')
    // called by `new`, a function that returns an object gives just that
    .map(
      (each) =>
        `export function ${each}(...words) { const f = load().${each}; return new.target ? new f(...words) : f(...words); }`,
    )
    .join('\n');
