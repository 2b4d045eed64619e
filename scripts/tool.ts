// Programs that scripts/tools.sh builds from their Go modules.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Path of one of them; built when it is not there yet, which may take minutes. */
export function buildTool(name: 'helm' | 'helm4' | 'promtool' | 'prometheus'): string {
  const directory = execFileSync(join(import.meta.dirname, 'tools.sh'), [name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return join(directory.trim(), name);
}
