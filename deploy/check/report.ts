// What held of what was tried, a line each, and their count.
import { tryCreate, type Answer, type KubeObject, type Who } from './api.ts';

/** How a denial by one of our policies reads. */
const policy = /ValidatingAdmissionPolicy 'cluster-cert-rotator-/;

export const count = { passed: 0, failed: 0 };

export function report(good: boolean, name: string, why = ''): void {
  count[good ? 'passed' : 'failed'] += 1;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name}${good || why === '' ? '' : `\n     ${why.trim()}`}`);
}

export function reportAllowed(name: string, { ok, text }: Answer): void {
  report(ok, `allowed: ${name}`, text);
}

/** By one of our policies, and by nothing else. */
export function reportDenied(name: string, { ok, text }: Answer): void {
  report(!ok && policy.test(text), `denied:  ${name}`, ok ? 'it is let through' : text);
}

export async function allowed(name: string, object: KubeObject, who?: Who): Promise<void> {
  reportAllowed(name, await tryCreate(object, who));
}

export async function denied(name: string, object: KubeObject, who?: Who): Promise<void> {
  reportDenied(name, await tryCreate(object, who));
}
