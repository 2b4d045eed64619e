// R3's first kubelet.crt is the one certificate that no old key speaks for: what is known of the node decides, and what
// it was given before. A kubelet writes the addresses of its own Node object; without this it could have a certificate
// for other names whenever it likes.
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import * as v from 'valibot';
import { apiGroup } from '../../kube/types.ts';
import type { San } from '../../pki/certificate.ts';
import type { Identity } from '../../policy/identity.ts';
import { normalName } from '../../policy/identity-sans.ts';
import { readInventory } from '../inventory-store.ts';

/**
 * On ConfigMap node-local-certs-<node>: the names of the kubelet.crt that this Node was given last. A person who takes it
 * away allows other names.
 */
export const givenAnnotation = `${apiGroup}/kubelet-serving-names`;

const schema = v.object({ nodeUID: v.string(), names: v.array(v.string()) });

export type FirstAnswer =
  | { readonly kind: 'yes' }
  | { readonly kind: 'no'; readonly message: string }
  | { readonly kind: 'wait'; readonly message: string };

/** Whether the node's last scan has found a kubelet.crt that signed itself. */
export function isSelfSigned(map: ConfigMap | undefined, nodeUID: string): FirstAnswer {
  const inventory = map === undefined ? undefined : readInventory(map);
  if (inventory?.nodeUID !== nodeUID) return { kind: 'wait', message: 'the node has not been scanned yet' };
  const rows = inventory.certificates.filter(({ id }) => id === 'kubelet.crt');
  return rows.length > 0 && rows.every(({ state }) => state === 'SelfSigned')
    ? { kind: 'yes' }
    : {
        kind: 'no',
        message: 'a kubelet.crt without a proof by its old key is only for one that signed itself',
      };
}

/** A node that has had a kubelet.crt gets a first one again, after a roll-back, only with names that it had. */
export function namesStay(
  map: ConfigMap | undefined,
  nodeUID: string,
  identity: Identity,
): Exclude<FirstAnswer, { kind: 'wait' }> {
  const given = identity.from === 'node' ? namesGiven(map, nodeUID) : undefined;
  if (given === undefined) return { kind: 'yes' };
  const more = textsOf(sansOf(identity)).filter((name) => !given.includes(name));
  if (more.length === 0) return { kind: 'yes' };
  const message =
    `this node was given a kubelet.crt before, which did not name ${more.join(', ')}; if the node has got other ` +
    `addresses, take annotation ${givenAnnotation} off ConfigMap ${map?.metadata?.name ?? ''}`;
  return { kind: 'no', message };
}

/** The ConfigMap with what is given now; undefined when it says so already, or when there is none. */
export function withGiven(
  map: ConfigMap | undefined,
  nodeUID: string,
  identity: Identity,
): ConfigMap | undefined {
  if (map === undefined) return undefined;
  const value = JSON.stringify({ nodeUID, names: textsOf(sansOf(identity)) });
  const { annotations } = map.metadata ?? {};
  if (annotations?.[givenAnnotation] === value) return undefined;
  return { ...map, metadata: { ...map.metadata, annotations: { ...annotations, [givenAnnotation]: value } } };
}

function namesGiven(map: ConfigMap | undefined, nodeUID: string): readonly string[] | undefined {
  const text = map?.metadata?.annotations?.[givenAnnotation];
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  // What cannot be read was changed by somebody: no name is taken from it, and none is free either.
  if (!parsed.success) return [];
  return parsed.output.nodeUID === nodeUID ? parsed.output.names : undefined;
}

function sansOf(identity: Identity): readonly San[] {
  return identity.from === 'node' ? identity.sans : identity.old.sans;
}

function textsOf(sans: readonly San[]): readonly string[] {
  return sans.map(({ value }) => normalName(value).text).toSorted();
}
