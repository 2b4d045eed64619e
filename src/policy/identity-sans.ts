// R5 as a readable list: the names that a kubelet's serving certificate never carries.
import { isIP } from 'node:net';
import type { NodeRole } from '../catalogue/ids.ts';
import type { San } from '../pki/certificate.ts';

/** A Node's name and every address in its status, as text. */
export interface NodeNames {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Hosts that a kubelet's serving certificate must not name (R5). Names or addresses, without ports. */
export interface ClusterEndpoints {
  readonly apiServers: readonly string[];
  readonly etcd: readonly string[];
  /** ClusterIPs, external and load-balancer addresses of Services. */
  readonly services: readonly string[];
  readonly controlPlaneEndpoint: readonly string[];
}

export interface SanFacts {
  readonly role: NodeRole;
  readonly node: NodeNames;
  readonly otherNodes: readonly NodeNames[];
  readonly endpoints: ClusterEndpoints;
  readonly apiserverSans: readonly San[];
}

interface Name {
  readonly text: string;
  readonly ip: boolean;
  readonly loopback: boolean;
}

/** Each rule answers why a name is refused, or undefined. Order: the most telling reason first. */
const rules: readonly ((name: Name, facts: SanFacts) => string | undefined)[] = [
  (name) => (name.text.includes('*') ? 'a wildcard would name other hosts' : undefined),
  (name, { otherNodes }) => {
    const other = otherNodes.find((node) => names([node.name, ...node.addresses]).has(name.text));
    return other === undefined ? undefined : `it belongs to node ${other.name}`;
  },
  (name, { endpoints }) =>
    names(endpoints.apiServers).has(name.text) ? 'it is the address of an API server' : undefined,
  (name, { endpoints }) => (names(endpoints.etcd).has(name.text) ? 'it is the address of etcd' : undefined),
  (name, { endpoints }) =>
    names(endpoints.controlPlaneEndpoint).has(name.text) ? 'it is the controlPlaneEndpoint' : undefined,
  (name, { endpoints }) =>
    names(endpoints.services).has(name.text) ? 'it is the address of a Service' : undefined,
  (name) => (/\.svc(?:\.|$)/u.test(name.text) ? 'it is the name of a Service' : undefined),
  (name, { node }) => {
    if (!name.text.startsWith('kubernetes')) return undefined;
    // A Node may well be called kubernetes-worker-1, and its name is not its own choice; "kubernetes" itself is taken.
    const own = name.text === normalName(node.name).text && /^kubernetes[^.]/u.test(name.text);
    return own ? undefined : 'names that begin with "kubernetes" are the API server’s';
  },
];

/** Why each refused SAN is refused, one sentence each that names it; empty when all may stand. */
export function deniedSans(sans: readonly San[], facts: SanFacts): readonly string[] {
  const denied = sans.flatMap((san) => {
    const why = denial(san, facts);
    return why === undefined ? [] : [`SAN ${sanText(san)}: ${why}`];
  });
  if (denied.length > 0 || sans.length === 0) return denied;
  const onlyLoopback = sans.every((san) => normalName(san.value).loopback);
  return onlyLoopback ? sans.map((san) => `SAN ${sanText(san)}: loopback alone names no node`) : [];
}

function denial(san: San, facts: SanFacts): string | undefined {
  if (san.kind !== 'dns' && san.kind !== 'ip') return 'only DNS names and addresses are renewed';
  if (san.value.length > maxName) return `no name is longer than ${maxName} characters`;
  const name = normalName(san.value);
  if (name.loopback) return undefined;
  if (facts.role === 'control-plane' && mayKeep(name, facts)) return undefined;
  for (const rule of rules) {
    const why = rule(name, facts);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** A control plane's own name and addresses, and what its API server already names (a virtual address). */
function mayKeep(name: Name, { node, apiserverSans }: SanFacts): boolean {
  if (names([node.name, ...node.addresses]).has(name.text)) return true;
  return names(apiserverSans.map((san) => san.value)).has(name.text);
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
