// R8: the controller starts work only after the admission policy has been seen to deny, as ourselves, a Pod that it
// must deny. A policy that is there and not enforced looks the same as none; only asking shows it.
import type { Pod } from 'kubernetes-types/core/v1.js';
import * as v from 'valibot';
import { CertError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';

export type AdmissionAnswer =
  { readonly ok: true; readonly message: string } | { readonly ok: false; readonly message: string };

/** Every policy of the chart begins with this name. */
const policyName = 'cluster-cert-rotator';
const policies = ['pods', 'images', 'connect', 'writes', 'events'].map((name) => `${policyName}-${name}`);

/**
 * Asks for `forbidden` in a dry run, then whether all policies are there and bound: entering a Pod cannot be tried in a
 * dry run. ok: our policy denied it, and none is missing. Not ok: it was allowed, or denied by something else, which says
 * nothing of our policy. Errors: Unreachable, Aborted.
 */
export async function admissionHolds(client: KubeClient, forbidden: Pod): Promise<AdmissionAnswer> {
  const denied = await isDenied(client, forbidden);
  if (!denied.ok) return denied;
  const asked = await Promise.allSettled(policies.map(async (name) => bindingProblem(client, name)));
  // One that is missing is known to be, whatever became of the other questions.
  const problem = asked.flatMap((each) => (each.status === 'fulfilled' ? (each.value ?? []) : [])).at(0);
  if (problem !== undefined)
    return { ok: false, message: `${problem}; nothing is begun. Install the chart anew` };
  for (const each of asked) if (each.status === 'rejected') throw each.reason;
  return denied;
}

async function isDenied(client: KubeClient, forbidden: Pod): Promise<AdmissionAnswer> {
  try {
    await client.create(resources.pods, forbidden, { dryRun: true });
  } catch (error) {
    if (!(error instanceof CertError) || error.code !== 'Denied') throw error;
    const policy = /ValidatingAdmissionPolicy '([^']+)'/u.exec(error.message)?.[1];
    if (policy?.startsWith(policyName) === true) return { ok: true, message: `policy ${policy} is in force` };
    return {
      ok: false,
      message: `the trial Pod was denied, but not by policy ${policyName}: ${error.message}`,
    };
  }
  return {
    ok: false,
    message:
      `the API server would admit a Pod of ours with the whole host mounted: policy ${policyName} is missing or not ` +
      'bound (it needs Kubernetes 1.30); nothing is begun. Install the chart anew, or wait until the policy is in force',
  };
}

const api = '/apis/admissionregistration.k8s.io/v1';
const policySchema = v.object({ spec: v.object({ failurePolicy: v.literal('Fail') }) });

/** Why a policy does not bind everybody, or undefined. */
async function bindingProblem(client: KubeClient, name: string): Promise<string | undefined> {
  const [policy, binding] = await Promise.all([
    read(client, `${api}/validatingadmissionpolicies/${name}`),
    read(client, `${api}/validatingadmissionpolicybindings/${name}`),
  ]);
  if (!v.is(policySchema, policy))
    return `ValidatingAdmissionPolicy ${name} is missing or does not fail closed`;
  // A binding that selects objects leaves the others free.
  const whole = v.object({
    spec: v.strictObject({
      policyName: v.literal(name),
      validationActions: v.pipe(v.array(v.string()), v.includes('Deny')),
    }),
  });
  return v.is(whole, binding)
    ? undefined
    : `ValidatingAdmissionPolicyBinding ${name} is missing, does not deny, or leaves something out`;
}

/** Undefined when there is none, or when we may not read it. */
async function read(client: KubeClient, path: string): Promise<unknown> {
  try {
    const { status, text } = await client.raw(path);
    return status === 200 ? JSON.parse(text) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof CertError && error.code === 'Denied'))
      return undefined;
    throw error;
  }
}
