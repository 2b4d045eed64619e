// Which Kubernetes the tests run, and where test/bed/build.sh has built it. One version, named: what else lies in the cache
// must not change what a test says.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

export const bedCache = process.env['BED_CACHE'] ?? '/var/cache/bed';

/** As the Makefile and test/bed/lib/settings.sh have it. */
export const kubernetesVersion = process.env['K8S'] ?? 'v1.34.4';

export const kubernetesPrograms = (version = kubernetesVersion): string => join(bedCache, version, 'bin');

/** Undefined: one of them is not built. */
export function builtPrograms(...names: readonly string[]): string | undefined {
  const directory = kubernetesPrograms();
  return names.every((name) => existsSync(join(directory, name))) ? directory : undefined;
}
