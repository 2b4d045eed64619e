// Builds what `make demo` runs beside the product's executable: dist/demo/*.mjs, one file a program.
import { copyFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

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
await build({
  absWorkingDir: root,
  entryPoints: Object.entries(programs).map(([out, file]) => ({ in: file, out })),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  // Thirty processes read these.
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
});
copyFileSync(join(root, 'src/sim/cluster/chart.json'), join(out, 'chart.json'));
