// Reads what the containers of harvest and ca-certificates said. Whoever can make a Pod fail can make it say
// anything: nothing here is believed before it was opened and compared with the cluster.
import type { Pod } from 'kubernetes-types/core/v1.js';
import * as v from 'valibot';
import type { CaCertificatesMessage, HarvestMessage } from '../../agent/protocol.ts';
import { caIds, type CaId } from '../../catalogue/ids.ts';

const head = { schema: v.literal(1), ca: v.picklist(caIds) };
const base64 = v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]+={0,2}$/u));
const missing = v.strictObject({ ...head, missing: v.literal(true) });
const error = v.strictObject({ ...head, error: v.string() });
const harvestSchema = v.union([v.strictObject({ ...head, sealed: base64 }), missing, error]);
const certificatesSchema = v.union([
  v.strictObject({ ...head, certificates: v.array(base64) }),
  missing,
  error,
]);

/** All containers have ended. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function harvestMessages(pod: Pod): ReadonlyMap<CaId, HarvestMessage> {
  return messages(pod, (value) => {
    const parsed = v.safeParse(harvestSchema, value);
    return parsed.success ? parsed.output : undefined;
  });
}

export function certificateMessages(pod: Pod): ReadonlyMap<CaId, CaCertificatesMessage> {
  return messages(pod, (value) => {
    const parsed = v.safeParse(certificatesSchema, value);
    return parsed.success ? parsed.output : undefined;
  });
}

/** By CA. What is no message of ours is left out; of two about the same CA the first counts. */
function messages<T extends { readonly ca: CaId }>(
  pod: Pod,
  read: (value: unknown) => T | undefined,
): ReadonlyMap<CaId, T> {
  const found = new Map<CaId, T>();
  for (const { state } of pod.status?.containerStatuses ?? []) {
    const message = read(json(state?.terminated?.message ?? ''));
    if (message !== undefined && !found.has(message.ca)) found.set(message.ca, message);
  }
  return found;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A container that died says what its runtime says, which is not JSON.
    return undefined;
  }
}

/** Why a container has no message, for people: exit code and the beginning of what it said instead. */
export function describeEnd(pod: Pod, ca: CaId): string {
  const texts = (pod.status?.containerStatuses ?? [])
    .filter(({ name }) => name.includes(ca))
    .map(({ name, state }) => {
      const ended = state?.terminated;
      if (ended === undefined) return `container ${name} has not ended`;
      const said = (ended.message ?? '').trim().slice(0, 200);
      return `container ${name} ended with ${ended.exitCode} (${ended.reason ?? 'no reason'})${said && `: ${said}`}`;
    });
  return texts.join('; ') || `Pod ${pod.metadata?.name ?? ''} said nothing of CA ${ca}`;
}
