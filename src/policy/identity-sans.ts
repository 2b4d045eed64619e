// R5 as a readable list: the names that a kubelet's serving certificate never carries.
import { isIP } from 'node:net';
import type { NodeRole } from '../catalogue/ids.ts';
import type { San } from '../pki/certificate.ts';

/** A Node's name and every address in its status, as text. */
export interface NodeNames {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Another node, and whether its addresses are only its own word: a kubelet writes those of its Node object itself. */
export interface OtherNode extends NodeNames {
  readonly role: NodeRole;
}

/** Hosts that a kubelet's serving certificate must not name (R5). Names or addresses, without ports. */
export interface ClusterEndpoints {
  readonly apiServers: readonly string[];
  readonly etcd: readonly string[];
  /** ClusterIPs: the API server gives them from a range of its own. */
  readonly services: readonly string[];
  /** External and load-balancer addresses: whoever may make a Service writes what he likes. */
  readonly serviceClaims: readonly { readonly host: string; readonly by: string }[];
  readonly controlPlaneEndpoint: readonly string[];
}

export interface SanFacts {
  readonly role: NodeRole;
  readonly node: NodeNames;
  readonly otherNodes: readonly OtherNode[];
  readonly endpoints: ClusterEndpoints;
  readonly apiserverSans: readonly San[];
  /** Whether the names stand in a certificate that the CA signed for this node already. */
  readonly held: boolean;
}

interface Name {
  readonly text: string;
  readonly ip: boolean;
  readonly loopback: boolean;
}

/** Why a name is somebody else's. `word`: only because somebody who could claim any name says so. */
interface Claim {
  readonly why: string;
  readonly word: boolean;
}

export interface SanJudgement {
  /** Why each refused SAN is refused, one sentence each that names it; empty when all may stand. */
  readonly denied: readonly string[];
  readonly stands: readonly San[];
  /** SANs that stand although somebody else claims them, and who does. */
  readonly disputed: readonly string[];
}

/** Judges the names of one certificate (R5). */
export function judgeSans(sans: readonly San[], facts: SanFacts): SanJudgement {
  const world = { facts, claims: claimsOf(facts), own: names([facts.node.name, ...facts.node.addresses]) };
  const answers = sans.map((san) => ({ san, answer: judgeSan(san, world) }));
  const told = (verdict: 'denied' | 'disputed'): string[] =>
    answers.flatMap(({ san, answer }) =>
      answer?.verdict === verdict ? [`SAN ${sanText(san)}: ${answer.why}`] : [],
    );
  const denied = told('denied');
  if (denied.length === 0 && sans.length > 0 && sans.every((san) => normalName(san.value).loopback)) {
    denied.push(...sans.map((san) => `SAN ${sanText(san)}: loopback alone names no node`));
  }
  const stands = answers.flatMap(({ san, answer }) => (answer?.verdict === 'denied' ? [] : [san]));
  return { denied, stands, disputed: told('disputed') };
}

interface SanWorld {
  readonly facts: SanFacts;
  readonly claims: ReadonlyMap<string, Claim>;
  /** The node's own name and addresses. */
  readonly own: ReadonlySet<string>;
}

type SanAnswer = { readonly verdict: 'denied' | 'disputed'; readonly why: string } | undefined;

const deny = (why: string): SanAnswer => ({ verdict: 'denied', why });

function judgeSan(san: San, { facts, claims, own }: SanWorld): SanAnswer {
  if (san.kind !== 'dns' && san.kind !== 'ip') return deny('only DNS names and addresses are renewed');
  if (san.value.length > maxName) return deny(`no name is longer than ${maxName} characters`);
  const name = normalName(san.value);
  if (name.loopback) return undefined;
  if (facts.role === 'control-plane' && mayKeep(name, own, facts)) return undefined;
  if (name.text.includes('*')) return deny('a wildcard would name other hosts');
  const claim = claims.get(name.text);
  if (claim !== undefined && !(claim.word && facts.held && own.has(name.text))) return deny(claim.why);
  if (/\.svc(?:\.|$)/u.test(name.text)) return deny('it is the name of a Service');
  if (name.text.startsWith('kubernetes')) {
    // A Node may well be called kubernetes-worker-1, and its name is not its own choice; "kubernetes" itself is taken.
    const called = name.text === normalName(facts.node.name).text && /^kubernetes[^.]/u.test(name.text);
    if (!called) return deny('names that begin with "kubernetes" are the API server’s');
  }
  // Refusing it would let any worker, or whoever makes a Service, stop this node's renewal (docs/adr/0006).
  return claim === undefined ? undefined : { verdict: 'disputed', why: `${claim.why}; it is kept` };
}

/** Whose each name is, the most telling reason first; what is more than somebody's word comes before words. */
function claimsOf({ otherNodes, endpoints }: SanFacts): ReadonlyMap<string, Claim> {
  const claims = new Map<string, Claim>();
  const claim = (hosts: readonly string[], why: string, word = false): void => {
    for (const name of names(hosts)) if (!claims.has(name)) claims.set(name, { why, word });
  };
  const controlPlanes = otherNodes.filter(({ role }) => role === 'control-plane');
  for (const { name } of otherNodes) claim([name], `it belongs to node ${name}`);
  for (const { name, addresses } of controlPlanes) claim(addresses, `it belongs to node ${name}`);
  claim(endpoints.apiServers, 'it is the address of an API server');
  claim(endpoints.etcd, 'it is the address of etcd');
  claim(endpoints.controlPlaneEndpoint, 'it is the controlPlaneEndpoint');
  claim(endpoints.services, 'it is the address of a Service');
  for (const { name, role, addresses } of otherNodes) {
    if (role === 'worker') claim(addresses, `node ${name} says that it is its own`, true);
  }
  for (const { host, by } of endpoints.serviceClaims)
    claim([host], `Service ${by} says that it is its own`, true);
  return claims;
}

/** A control plane's own name and addresses, and what its API server already names (a virtual address). */
function mayKeep(name: Name, own: ReadonlySet<string>, { apiserverSans }: SanFacts): boolean {
  return own.has(name.text) || names(apiserverSans.map((san) => san.value)).has(name.text);
}

/** What is longer than any name is nobody's: a Node or a Service may hold a megabyte of text. */
function names(values: readonly string[]): ReadonlySet<string> {
  return new Set(values.filter((value) => value.length <= maxName).map((value) => normalName(value).text));
}

/** Longest DNS name (RFC 1035, in the text form without its last dot); no address is as long. */
const maxName = 253;

/**
 * One text for every way to write the same name: lower case, no trailing dot, addresses as RFC 5952 writes them, an
 * IPv4-mapped IPv6 address as IPv4. A DNS name that reads as an address is one: verifiers differ, so we take the worst.
 */
export function normalName(value: string): Name {
  if (value.length > maxName) return { text: value, ip: false, loopback: false };
  const plain = withoutEnd(value.trim().toLowerCase());
  const inner = /^\[(.*)\]$/u.exec(plain)?.[1];
  const bare = inner !== undefined && isIP(inner) === 6 ? inner : plain;
  const version = isIP(bare);
  if (version === 0)
    return { text: bare, ip: false, loopback: bare === 'localhost' || bare.endsWith('.localhost') };
  if (version === 4) return { text: bare, ip: true, loopback: bare.startsWith('127.') };
  const canonical = new URL(`http://[${bare.replace(/%.*$/u, '')}]`).hostname.slice(1, -1);
  const v4 = fromMapped(canonical);
  if (v4 !== undefined) return { text: v4, ip: true, loopback: v4.startsWith('127.') };
  return { text: canonical, ip: true, loopback: canonical === '::1' };
}

/** Without dots and blanks at the end. A loop: a regular expression for it tries again at every blank of the text. */
function withoutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === '.' || text[end - 1]?.trim() === '')) end -= 1;
  return text.slice(0, end);
}

/** `::ffff:a00:1` → `10.0.0.1`. */
function fromMapped(canonical: string): string | undefined {
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/u.exec(canonical);
  if (groups?.[1] === undefined || groups[2] === undefined) return undefined;
  const high = Number.parseInt(groups[1], 16);
  const low = Number.parseInt(groups[2], 16);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

export function sanText(san: San): string {
  return `${san.kind === 'ip' ? 'IP' : san.kind.toUpperCase()}:${san.value}`;
}
