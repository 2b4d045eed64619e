// kubectl, as whoever is to be tried, and the count of what held.
import { execFileSync, spawnSync } from 'node:child_process';

export const namespace = 'cluster-cert-rotator';
export const controller = `system:serviceaccount:${namespace}:cluster-cert-rotator`;
export const replicaSets = 'system:serviceaccount:kube-system:replicaset-controller';
/** How a denial by one of our policies reads. */
export const policy = /ValidatingAdmissionPolicy 'cluster-cert-rotator-/;

export interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

export const count = { passed: 0, failed: 0 };

export function report(good: boolean, name: string, why = ''): void {
  count[good ? 'passed' : 'failed'] += 1;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name}${good || why === '' ? '' : `\n     ${why.trim()}`}`);
}

export function kubectl(args: readonly string[], input = ''): Answer {
  const { status, stdout, stderr } = spawnSync('kubectl', args, { input, encoding: 'utf8' });
  return { ok: status === 0, text: `${stdout}${stderr}` };
}

/** An object or a list, as JSON text. */
export function read(args: readonly string[]): string {
  return execFileSync('kubectl', [...args, '-o', 'json'], { encoding: 'utf8' });
}

/** A user, or the flags that say who; absent: the kubeconfig's own. */
type Who = string | readonly string[];

function create(object: object, as: Who = []): Answer {
  const who = typeof as === 'string' ? [`--as=${as}`] : as;
  return kubectl(['create', '--dry-run=server', '-f', '-', ...who], JSON.stringify(object));
}

export function allowed(name: string, object: object, as?: Who): void {
  const { ok, text } = create(object, as);
  report(ok, `allowed: ${name}`, text);
}

/** By one of our policies, and by nothing else. */
export function denied(name: string, object: object, as?: Who): void {
  const { ok, text } = create(object, as);
  report(!ok && policy.test(text), `denied:  ${name}`, text);
}
