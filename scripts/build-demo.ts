// Builds what `make demo` runs beside the product's executable: dist/demo/*.mjs, one file a program.
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const out = join(root, 'dist/demo');

/** The product's own two programs, the demo, and the parts of a simulated node. */
const programs: Readonly<Record<string, string>> = {
  controller: 'src/controller.ts',
  web: 'src/web.ts',
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
  legalComments: 'none',
  logLevel: 'warning',
});
placeDownloads(join(out, 'downloads/amd64'));

/** As the controller's image has them (scripts/build-image.ts), for this machine alone. */
function placeDownloads(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const lines = ['cert-renew', 'renew-all.sh'].map((name) => {
    linkSync(join(root, 'dist', name), join(directory, name));
    const sha256 = createHash('sha256')
      .update(readFileSync(join(directory, name)))
      .digest('hex');
    return `${sha256}  ${name}\n`;
  });
  writeFileSync(join(directory, 'SHA256SUMS'), lines.join(''));
}
