// What must hold after any run in which everything was due, over facts that the cases take. Each check gives what is wrong,
// one line a fault; no line is its yes.
import { isDeepStrictEqual } from 'node:util';
import { auditedSince, writes, type AuditEvent, type AuditMark } from './audit.ts';
import type { Bed } from './bed.ts';
import { served, servingPorts, type CertificateFacts } from './certificates.ts';
import type { Rotation } from './product.ts';
import { productTraces } from './traces.ts';
import { clusterNoise, difference, unexpected, type Allowance, type Change, type World } from './world.ts';

const day = 86_400_000;

export const key = (fact: CertificateFacts): string => `${fact.node} ${fact.id}`;

/** Texts whose condition does not hold. */
const faults = (...checks: readonly (readonly [boolean, string])[]): string[] =>
  checks.flatMap(([holds, text]) => (holds ? [] : [text]));

/** Each fact with what it was before. */
function* pairs(before: readonly CertificateFacts[], after: readonly CertificateFacts[]) {
  for (const fact of after) yield [fact, before.find((one) => key(one) === key(fact))] as const;
}

/** A plan that another took the place of before it began has nothing to prove. */
export function unproved(ended: readonly Rotation[]): string[] {
  const begun = ended.filter(
    ({ status }) => status?.phase !== 'Superseded' || status.startedAt !== undefined,
  );
  return begun.flatMap(({ metadata, status }) => {
    const { phase, message, certificates = [] } = status ?? {};
    const without = certificates.filter(({ proof }) => !proof).map(({ id }) => id);
    return faults(
      [phase === 'Succeeded', `${metadata.name}: ${phase}: ${message}`],
      [without.length === 0, `${metadata.name}: no proof for ${without.join(', ')}`],
    );
  });
}

/**
 * A kubelet may renew its client certificate before we do (R2): by the cluster's own signer, for a year, with a key of its
 * own liking. Ours live for 91 days.
 */
export const isOfKubelet = ({ id, notBefore, notAfter }: CertificateFacts): boolean =>
  id === 'kubelet-client-current.pem' && notAfter.getTime() - notBefore.getTime() > 300 * day;

export function notRenewed(
  before: readonly CertificateFacts[],
  after: readonly CertificateFacts[],
): string[] {
  return [...pairs(before, after)].flatMap(([fact, old]) => {
    const lifetime = fact.id.startsWith('kubelet') ? 91 : 365;
    const left = (fact.notAfter.getTime() - Date.now()) / day;
    return faults(
      [old !== undefined && fact.serial !== old.serial, `${key(fact)}: still serial ${fact.serial}`],
      [left > lifetime - 1, `${key(fact)}: ${left.toFixed(1)} days left`],
      [fact.keyFits, `${key(fact)}: the key does not fit`],
      [fact.chains, `${key(fact)}: does not chain to its CA`],
    );
  });
}

/** Certificates that were renewed over the key that they had. */
export function overOldKeys(
  before: readonly CertificateFacts[],
  after: readonly CertificateFacts[],
): string[] {
  return [...pairs(before, after)].flatMap(([fact, old]) =>
    fact.publicKey === old?.publicKey ? [key(fact)] : [],
  );
}

/** Usages, SANs and constraints: the extensions but for those that name keys. */
const identity = ({ subject, extensions }: CertificateFacts) => [
  subject,
  ...Object.entries(extensions).filter(([name]) => !/Key Identifier/.test(name)),
];

const text = (value: unknown) => JSON.stringify(value);

/** Subject, SANs, usages, key type, mode, owner and links; kubeadm's own kubelet.crt gets another identity (R3). */
export function notAsBefore(
  before: readonly CertificateFacts[],
  after: readonly CertificateFacts[],
): string[] {
  return [...pairs(before, after)].flatMap(([fact, old]) => {
    if (old === undefined) return [`${key(fact)}: was not there`];
    const { link, ...file } = fact.file;
    const { link: oldLink, ...oldFile } = old.file;
    const isReplaced = old.issuer === old.subject || !old.chains;
    return faults(
      [fact.keyType === old.keyType, `${key(fact)}: key ${old.keyType} → ${fact.keyType}`],
      [isDeepStrictEqual(file, oldFile), `${key(fact)}: file ${text(oldFile)} → ${text(file)}`],
      [(link === null) === (oldLink === null), `${key(fact)}: link ${oldLink} → ${link}`],
      [
        isReplaced || isDeepStrictEqual(identity(fact), identity(old)),
        `${key(fact)}: ${text(identity(old))} → ${text(identity(fact))}`,
      ],
    );
  });
}

/** By a handshake of openssl with every serving port of every node. */
export async function notServed(bed: Bed, after: readonly CertificateFacts[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const fact of after) {
    const port = servingPorts[fact.id];
    if (port === undefined) continue;
    const { serial } = await served(bed.address(fact.node), port);
    if (serial !== fact.serial) wrong.push(`${key(fact)}: ${port} shows ${serial}, not ${fact.serial}`);
  }
  return wrong;
}

/** What lies on a control plane beside the table: nobody may touch it. */
const authorities = [
  'ca.crt',
  'ca.key',
  'sa.key',
  'sa.pub',
  'front-proxy-ca.crt',
  'front-proxy-ca.key',
  'etcd/ca.crt',
  'etcd/ca.key',
];

export function touchedAuthorities(bed: Bed, before: World, after: World): string[] {
  const names = bed.controlPlanes.flatMap((node) =>
    authorities.map((file) => `${node}:/etc/kubernetes/pki/${file}`),
  );
  return names.filter((name) => {
    const was = before.files.get(name);
    return was === undefined || was !== after.files.get(name);
  });
}

/** `allowed`: what the case itself does beside the product. */
export function strangeChanges(
  before: World,
  after: World,
  allowed: readonly Allowance[] = [],
): readonly Change[] {
  return unexpected(difference(before, after), [...clusterNoise, ...productTraces, ...allowed]);
}

const serviceAccount = (name: string) => `system:serviceaccount:cluster-cert-rotator:${name}`;

/** Writes to inventories and rotations by others than the controller, and writes of agents other than requests. */
export function strangeWrites(bed: Bed, mark: AuditMark): readonly AuditEvent[] {
  return writes(auditedSince(bed, mark)).filter(({ objectRef, user }) => {
    const ours =
      objectRef?.apiGroup === 'certrotator.cpaas.io' || objectRef?.name?.startsWith('node-local-certs-');
    const byController = user.username === serviceAccount('cluster-cert-rotator');
    const byAgent = user.username === serviceAccount('cluster-cert-rotator-agent');
    return (
      (ours === true && !byController) || (byAgent && objectRef?.resource !== 'certificatesigningrequests')
    );
  });
}
