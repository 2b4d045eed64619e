// R8: the controller starts work only after the admission policy has been seen to deny, as ourselves, a Pod that it
// must deny. A policy that is there and not enforced looks the same as none; only asking shows it.
import type { Pod } from 'kubernetes-types/core/v1.js';
import { CertError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';

export type AdmissionAnswer =
  { readonly ok: true; readonly message: string } | { readonly ok: false; readonly message: string };

/** Every policy of the chart begins with this name. */
const policyName = 'cluster-cert-rotator';

/**
 * Asks for `forbidden` in a dry run. ok: our policy denied it. Not ok: it was allowed, or denied by something else,
 * which says nothing of our policy. Errors: Unreachable, Aborted.
 */
export async function admissionHolds(client: KubeClient, forbidden: Pod): Promise<AdmissionAnswer> {
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
