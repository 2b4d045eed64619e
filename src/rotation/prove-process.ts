// Proof by processes: started after the files, and seeing their bytes through their own mounts. Single files are
// mounted into static Pods by inode (reliability.md 2.1, row 7): a process that was not started anew sees the old one.
import { CertError } from '../errors.ts';
import type { Component, Location } from '../catalogue/ids.ts';
import type { ProcessInfo } from '../host/processes.ts';
import { sha256 } from './bytes.ts';
import type { RotationNode } from './types.ts';

/** Starts are known to a hundredth of a second. */
const granularityMs = 20;
/** A component that ends again at once was never there. */
const minimumAgeMs = 3000;

export function startedAfter(node: RotationNode, program: Component, since: Date): ProcessInfo[] {
  const now = node.now().getTime();
  return node.processes.find(program).filter(({ startedAt }) => {
    const start = startedAt.getTime();
    return start >= since.getTime() - granularityMs && now - start >= minimumAgeMs;
  });
}

export function certificateFiles(location: Location): string[] {
  return location.form === 'pair' ? [location.keyPath, location.certPath] : [location.path];
}

/** A path that is mounted elsewhere in the container proves nothing against it. Errors: Io without CAP_SYS_PTRACE. */
export function sameAsProcessSees(
  node: RotationNode,
  { pid }: ProcessInfo,
  paths: readonly string[],
): boolean {
  return paths.every((path) => {
    const own = sha256(node.files.read(node.files.realpath(path)));
    try {
      return sha256(node.processes.readFile(pid, path)) === own;
    } catch (error) {
      if (error instanceof CertError && error.code === 'NotFound') return true;
      throw error;
    }
  });
}
