// The compiled executable on a node made for dying: every kill point, and every refusal of a real file system.
//   node test/crash/run.ts [files] [kill-same-keys] [kill-new-keys]      (default: all; as root, after `make build`)
// All mounts lie in a mount namespace of its own, which ends with this process.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { killEverywhere } from './kill.ts';
import { changedMeanwhile, refusals, successfulRuns } from './mounts.ts';
import { NodeRoot } from './node-root.ts';
import { Results } from './results.ts';

const inNamespace = 'CRASH_TEST_IN_NAMESPACE';
const built = resolve(import.meta.dirname, '../../dist/cert-renew');

async function main(): Promise<number> {
  const directory = mkdtempSync('/var/tmp/crash-');
  const wanted = process.argv.slice(2);
  const chosen = (part: string): boolean => wanted.length === 0 || wanted.includes(part);
  try {
    const node = new NodeRoot(directory, built);
    const results = new Results();
    if (chosen('files')) {
      successfulRuns(node, results);
      refusals(node, results);
      await changedMeanwhile(node, results);
    }
    const log = join(directory, 'strace.log');
    if (chosen('kill-same-keys')) killEverywhere(node, results, false, log);
    if (chosen('kill-new-keys')) killEverywhere(node, results, true, log);
    return results.close();
  } finally {
    spawnSync('sh', [
      '-c',
      `grep -o '${directory}[^ ]*' /proc/self/mounts | sort -r | xargs -r -n1 umount -l`,
    ]);
    rmSync(directory, { recursive: true, force: true });
  }
}

function enterNamespace(): number {
  const command = [
    '--mount',
    '--propagation',
    'private',
    process.execPath,
    import.meta.filename,
    ...process.argv.slice(2),
  ];
  const { status } = spawnSync('unshare', command, {
    stdio: 'inherit',
    env: { ...process.env, [inNamespace]: 'yes' },
  });
  return status ?? 1;
}

if (process.getuid?.() !== 0)
  throw new Error('the crash test needs root: it mounts and makes files immutable');
if (!existsSync(built)) throw new Error(`${built} is not there; run make build first`);
process.exitCode = process.env[inNamespace] === 'yes' ? await main() : enterNamespace();
