// Builds what `make demo` runs beside the product's executable: dist/demo/*.mjs, one file a program.
import { copyFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { lazyModules } from './lazy-modules.ts';

const root = resolve(import.meta.dirname, '..');
const out = join(root, 'dist/demo');

/** The product's own controller, the demo, and the parts of a simulated node. */
const programs: Readonly<Record<string, string>> = {
  demo: 'src/demo.ts',
  controller: 'src/controller.ts',
  systemd: 'src/sim/node/systemd.ts',
  systemctl: 'src/sim/node/systemctl.ts',
  kubelet: 'src/sim/node/kubelet.ts',
  etcd: 'src/sim/node/parts/etcd.ts',
  'kube-apiserver': 'src/sim/node/parts/kube-apiserver.ts',
  'kube-controller-manager': 'src/sim/node/parts/api-client.ts',
  'kube-scheduler': 'src/sim/node/parts/api-client.ts',
};

rmSync(out, { recursive: true, force: true });
const { controller, ...parts } = programs;
await bundle({ controller }, []);
// Thirty processes begin with these.
await bundle(parts, [lazyModules]);
copyFileSync(join(root, 'src/sim/cluster/chart.json'), join(out, 'chart.json'));

async function bundle(
  entries: Readonly<Record<string, string | undefined>>,
  plugins: Plugin[],
): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([out, file]) => ({ in: file ?? '', out })),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    minify: true,
    plugins,
    legalComments: 'none',
    logLevel: 'warning',
  });
}
