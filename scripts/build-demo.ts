// Builds what `make demo` runs beside the product's executable: dist/demo/*.mjs, one file a program.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { compileCache } from '../src/sim/cluster/compile-cache.ts';
import { requireBanner } from './bundle.ts';
import { lazyModules } from './lazy-modules.ts';

const root = resolve(import.meta.dirname, '..');
const out = join(root, 'dist/demo');

/** The product's own, as they are in its image. */
const product = { controller: 'src/controller.ts', web: 'src/web.ts' } as const;

/** The demo, and the parts of a simulated node. */
const parts = {
  demo: 'src/demo.ts',
  systemd: 'src/sim/node/systemd.ts',
  systemctl: 'src/sim/node/systemctl.ts',
  kubelet: 'src/sim/node/kubelet.ts',
  etcd: 'src/sim/node/parts/etcd.ts',
  'kube-apiserver': 'src/sim/node/parts/kube-apiserver.ts',
  'kube-controller-manager': 'src/sim/node/parts/api-client.ts',
  'kube-scheduler': 'src/sim/node/parts/api-client.ts',
} as const;

/** Programs that end at their start for want of what they need: by then they are compiled. */
const warmed = ['controller', 'web', 'kubelet', 'kube-apiserver'] as const;

rmSync(out, { recursive: true, force: true });
await bundle(product, []);
// Thirty processes begin with these.
await bundle(parts, [lazyModules]);
copyFileSync(join(root, 'src/sim/cluster/chart.json'), join(out, 'chart.json'));
warm();

/** What V8 makes of the sources, for all nodes: each would compile the same anew. */
function warm(): void {
  const env = { ...process.env, ...compileCache(out) };
  for (const name of warmed)
    spawnSync(process.execPath, [join(out, `${name}.mjs`), '--no-such-flag'], { env, stdio: 'ignore' });
}

async function bundle(entries: Readonly<Record<string, string>>, plugins: Plugin[]): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([out, file]) => ({ in: file, out })),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: requireBanner,
    minify: true,
    plugins,
    legalComments: 'none',
    logLevel: 'warning',
  });
}
