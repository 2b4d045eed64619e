// May this be signed, offline? A named list of checks for each certificate that a request asks for; all must hold. What
// only the API knows is not judged here, and said so. Pure.
import type { CaId, CertificateId, NodeRole } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import { CertError, describeError } from '../../errors.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { parseRequest, renewalBytes, verifyRenewal, type CertificateRequest } from '../../pki/request.ts';
import { isSignedBy } from '../../pki/verify.ts';
import { identityRules } from '../../policy/identity-rules.ts';
import { mayIssue, type ClusterEndpoints, type Identity, type OtherNode } from '../../policy/identity.ts';
import { normalName } from '../../policy/identity-sans.ts';
import { isSignable, wishesOf } from '../../policy/request-rules.ts';
import type { San } from '../../pki/certificate.ts';
import { fromBase64, type RequestBlock } from './block.ts';

/** What the machine that signs knows of its cluster without the API. */
export interface SigningPlace {
  readonly endpoints: ClusterEndpoints;
  /** The node that signs, when it is one. */
  readonly own: { readonly name: string; readonly apiserverSans: readonly San[] } | undefined;
}

export interface JudgeFacts extends SigningPlace {
  /** Certificates of the CAs that can sign. */
  readonly authorities: Partial<Record<CaId, readonly Certificate[]>>;
}

/** One certificate that may be signed. */
export interface Wanted {
  readonly id: CertificateId;
  readonly old: Certificate;
  readonly spki: Uint8Array;
  readonly requestDer: Uint8Array;
  /** What the person who signs should know of it. */
  readonly notes: readonly string[];
}

export interface JudgedNode {
  readonly block: RequestBlock;
  readonly wanted: readonly Wanted[];
  /** Why not, one sentence each that names node and certificate. Not empty: nothing of it is signed. */
  readonly refusals: readonly string[];
}

/** Judges all requests of one call. The same request twice counts once. */
export function judgeRequests(blocks: readonly RequestBlock[], facts: JudgeFacts): JudgedNode[] {
  const distinct = [...new Map(blocks.map((block) => [JSON.stringify(block), block])).values()];
  const claims = claimsOf(distinct);
  const ids = Map.groupBy(distinct, ({ id }) => id);
  return distinct.map((block) => {
    const twin =
      (ids.get(block.id)?.length ?? 0) > 1
        ? [`node ${block.node}: two requests have the id ${block.id} and differ; have it made again`]
        : [];
    const answers = block.certificates.map((entry) => judgeOne({ block, entry, facts, claims }));
    return {
      block,
      wanted: answers.flatMap((answer) => (answer.ok ? [answer.wanted] : [])),
      refusals: [...twin, ...answers.flatMap((answer) => (answer.ok ? [] : [answer.message]))],
    };
  });
}

/** The nodes of this call, by every name and address that they call theirs: a thousand may be in it. */
type Claims = ReadonlyMap<string, readonly OtherNode[]>;

function claimsOf(blocks: readonly RequestBlock[]): Claims {
  const claims = new Map<string, OtherNode[]>();
  for (const node of blocks.map(asOther)) {
    for (const name of [node.name, ...node.addresses].map((each) => normalName(each).text))
      claims.set(name, [...(claims.get(name) ?? []), node]);
  }
  return claims;
}

/** Other nodes of this call that claim a name of the certificate; what they are besides says nothing of it. */
function othersOf({ block, old, claims }: Read): OtherNode[] {
  const nodes = old.sans.flatMap(({ value }) => claims.get(normalName(value).text) ?? []);
  return [...new Set(nodes)].filter(({ name }) => name !== block.node);
}

/** Its addresses are only its own word, as they stand in its old serving certificate. */
function asOther({ node, certificates }: RequestBlock): OtherNode {
  const serving = certificates.find(({ id }) => id === 'kubelet.crt');
  const addresses = serving === undefined ? [] : addressesIn(serving.old);
  return { name: node, role: 'worker', addresses };
}

function addressesIn(old: string): string[] {
  try {
    return addressesOf(parseCertificate(fromBase64(old)));
  } catch (error) {
    // Its own judgement says so.
    if (error instanceof CertError) return [];
    throw error;
  }
}

interface Case {
  readonly block: RequestBlock;
  readonly entry: RequestBlock['certificates'][number];
  readonly facts: JudgeFacts;
  readonly claims: Claims;
}

interface Read extends Case {
  readonly request: CertificateRequest;
  readonly old: Certificate;
}

type Answer =
  { readonly ok: true; readonly wanted: Wanted } | { readonly ok: false; readonly message: string };

function judgeOne(given: Case): Answer {
  const { block, entry } = given;
  const refuse = (why: string): Answer => ({
    ok: false,
    message: `node ${block.node}: ${entry.id}: ${why}`,
  });
  try {
    const requestDer = fromBase64(entry.request);
    const request = parseRequest(requestDer);
    const old = inOld(() => parseCertificate(fromBase64(entry.old)));
    const read: Read = { ...given, request, old };
    const failed = checks.map((check) => check(read)).find((why) => why !== '');
    if (failed !== undefined) return refuse(failed);
    const identity = judgeIdentity(read);
    if (!identity.ok) return refuse(withoutName(read, identity.message));
    const notes = notesOf(read, identity.identity);
    return { ok: true, wanted: { id: entry.id, old, spki: request.spki, requestDer, notes } };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return refuse(describeError(error));
  }
}

function inOld<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    throw new CertError(error.code, `its old certificate cannot be read: ${error.message}`, { cause: error });
  }
}

/** Why not; empty when it holds. */
type Check = (read: Read) => string;

/** Before the identity, which is judged last: by the allow-list, and by R5 as far as that can be done here. */
const checks: readonly Check[] = [
  asksForNothing, // the request carries a label; every name comes from the old certificate
  hasSignableKey, // of a kind that verifiers take
  provesOldKey, //   R4: the owner of the old key asks, for this request, this certificate and this new key
  oldIsOurs, //      the CA that would sign now has signed the old certificate; it may have expired
];

function asksForNothing({ request, entry }: Read): string {
  const wishes = wishesOf(request);
  if (wishes !== undefined) return `it ${wishes}; every name comes from the old certificate`;
  const label = request.subject.commonName;
  return label === entry.id
    ? ''
    : `it asks for subject "${request.subject.text}"; every name comes from the old certificate`;
}

function hasSignableKey({ request, old }: Read): string {
  return isSignable(request.keyAlgorithm, old.keyAlgorithm)
    ? ''
    : `a key of kind ${request.keyAlgorithm} is not signed`;
}

function provesOldKey({ block, entry, request, old }: Read): string {
  const bytes = renewalBytes(block.id, entry.id, request.spki);
  return verifyRenewal(old, bytes, fromBase64(entry.possession))
    ? ''
    : `the old key did not sign this request: whoever made it does not have the key of ${old.subject.text}`;
}

function oldIsOurs({ entry, old, facts }: Read): string {
  const { ca } = entryOf(entry.id);
  if ((facts.authorities[ca] ?? []).some((authority) => isSignedBy(old, authority))) return '';
  return `its old certificate was signed by ${old.issuer.text}, not by the ${ca} CA with which this call signs`;
}

function judgeIdentity(read: Read): ReturnType<typeof mayIssue> {
  const { block, entry, old, facts } = read;
  const isOwn = facts.own?.name === block.node;
  return mayIssue({
    id: entry.id,
    role: roleOf(entry.id, isOwn),
    node: { name: block.node, addresses: isOwn ? [] : addressesOf(old) },
    otherNodes: [...(isOwn ? [] : ownAsOther(facts)), ...othersOf(read)],
    endpoints: facts.endpoints,
    old,
    ...(isOwn ? { apiserverSans: facts.own?.apiserverSans ?? [] } : {}),
  });
}

/**
 * The Node's label (R6) is not seen here. What only control planes have is proved by its old key (R24); a kubelet's is
 * judged by the stricter rules of workers, unless it is this very node's.
 */
function roleOf(id: CertificateId, isOwn: boolean): NodeRole {
  return isOwn || isControlPlanes(id) ? 'control-plane' : 'worker';
}

const isControlPlanes = (id: CertificateId): boolean => !identityRules[id].roles.includes('worker');

const ownAsOther = ({ own }: JudgeFacts): OtherNode[] =>
  own === undefined ? [] : [{ name: own.name, role: 'control-plane', addresses: [] }];

const addressesOf = ({ sans }: Certificate): string[] =>
  sans.flatMap(({ kind, value }) => (kind === 'ip' ? [value] : []));

/** The sentence around it names both already. */
const withoutName = ({ entry, block }: Read, message: string): string =>
  message.replace(`${entry.id} of node ${block.node}: `, '');

function notesOf({ block, entry, old }: Read, identity: Identity): string[] {
  const who = `node ${block.node}: ${entry.id}`;
  const disputed = identity.from === 'successor' ? identity.disputed : [];
  const control = isControlPlanes(entry.id)
    ? [
        `${who} is an identity of control planes (${old.subject.text}); its old key proves that the node has it`,
      ]
    : [];
  return [...control, ...disputed.map((each) => `${who}: ${each}`)];
}

/** What nobody can judge without the Node objects, in words. */
export function notJudged(nodes: readonly JudgedNode[], { own, endpoints }: SigningPlace): string[] {
  const names = [...new Set(nodes.map(({ block }) => block.node))].join(', ');
  const api = `not judged, since sign asks no API (it must work while that is dead): whether these nodes (${names}) still belong to this cluster, and whether names and addresses are theirs alone`;
  const known = own !== undefined && endpoints.apiServers.length > 0;
  return known
    ? [api]
    : [api, 'not judged either: names of API servers and etcd, which are not known on this machine'];
}
