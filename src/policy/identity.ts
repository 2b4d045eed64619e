// Who may get what (R3–R6): the identity that a signer may give to one certificate of one node, or why it may not.
// Everything comes from the old certificate, the Node objects and the allow-list; a request has no say in it.
import type { CertificateId, NodeRole } from '../catalogue/ids.ts';
import type { Certificate, San } from '../pki/certificate.ts';
import { identityRules, type IdentityRule } from './identity-rules.ts';
import {
  judgeSans,
  normalName,
  sanText,
  type ClusterEndpoints,
  type NodeNames,
  type OtherNode,
  type SanFacts,
  type SanJudgement,
} from './identity-sans.ts';

export type { ClusterEndpoints, NodeNames, OtherNode };

export interface IssueQuestion {
  readonly id: CertificateId;
  /** From the Node's label (R6), never from what the agent found. */
  readonly role: NodeRole;
  readonly node: NodeNames;
  readonly otherNodes: readonly OtherNode[];
  readonly endpoints: ClusterEndpoints;
  /** The live old certificate, proved to be one of the CA's; undefined only for R3's first replacement. */
  readonly old: Certificate | undefined;
  /** What the same node's API server is seen to name: lets its kubelet keep a virtual address (R5). */
  readonly apiserverSans?: readonly San[];
  /** InternalIP and ExternalIP of the Node: what R3's first replacement may name beside the Node's name. */
  readonly machineAddresses?: readonly string[];
}

/** successor: subject, names and usages of the old certificate as they stand. node: made from the Node object (R3). */
export type Identity =
  | {
      readonly from: 'successor';
      readonly old: Certificate;
      /** Names that are kept although somebody else claims them, in words. */
      readonly disputed: readonly string[];
    }
  | {
      readonly from: 'node';
      readonly commonName: string;
      readonly organizations: readonly string[];
      readonly sans: readonly San[];
      readonly extendedKeyUsages: readonly ['serverAuth'];
      /** Addresses of the Node that did not pass R5 and were left out, in words. */
      readonly leftOut: readonly string[];
    };

export const identityRefusals = {
  RoleNotAllowed: 'nodes of this role do not have this certificate',
  SubjectNotAllowed: 'the subject is not one that this certificate may have',
  UsageNotAllowed: 'the extended key usages are not those that this certificate may have',
  SanNotAllowed: 'a subject alternative name may not be given to this node',
  CertificateAuthority: 'the old certificate is a CA',
  NoOldCertificate: 'there is no old certificate to take the identity from',
} as const;
export type IdentityRefusal = keyof typeof identityRefusals;

export type IssueAnswer =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly reason: IdentityRefusal; readonly message: string };

/** May this node get a certificate of this id, and with which identity? One failing SAN refuses the whole (R5). */
export function mayIssue(question: IssueQuestion): IssueAnswer {
  const rule = identityRules[question.id];
  if (!rule.roles.includes(question.role)) {
    return refuse(
      'RoleNotAllowed',
      `a ${question.role} gets no ${question.id}; node ${question.node.name} is one`,
    );
  }
  return question.old === undefined ? firstReplacement(question) : successor(question, rule, question.old);
}

function successor(question: IssueQuestion, rule: IdentityRule, old: Certificate): IssueAnswer {
  const who = `${question.id} of node ${question.node.name}`;
  if (old.isCa) return refuse('CertificateAuthority', `the old ${who} is a CA; only leaves are renewed`);

  const commonNames = rule.commonNames.map((name) => name.replaceAll('<node>', question.node.name));
  const { commonName, organizations } = old.subject;
  // A second CN hides in the text form only; the subject that the rules allow has exactly one.
  if (commonName === undefined || !commonNames.includes(commonName) || attributes(old, 'CN') > 1) {
    return refuse(
      'SubjectNotAllowed',
      `${who}: subject "${old.subject.text}" needs CN ${either(commonNames)}`,
    );
  }
  if (!rule.organizations.some((allowed) => sameSet(allowed, organizations))) {
    const allowed = rule.organizations.map((set) => (set.length === 0 ? 'none' : set.join(' + ')));
    return refuse('SubjectNotAllowed', `${who}: subject "${old.subject.text}" needs O ${either(allowed)}`);
  }
  if (!rule.usages.some((allowed) => sameSet(allowed, old.extendedKeyUsages))) {
    const allowed = either(rule.usages.map((set) => set.join(' + ')));
    const has = old.extendedKeyUsages.join(' + ') || 'none';
    return refuse('UsageNotAllowed', `${who}: extended key usage ${has}, allowed is ${allowed}`);
  }
  const { denied, disputed } = judgedBy(rule, old.sans, question);
  if (denied.length > 0) return refuse('SanNotAllowed', `${who}: ${denied.join('; ')}`);
  return { ok: true, identity: { from: 'successor', old, disputed } };
}

const mostAddresses = 32;

/** R3: kubeadm's own kubelet.crt is signed by nobody we know, so its successor is made from the Node object. */
function firstReplacement(question: IssueQuestion): IssueAnswer {
  const { node, id } = question;
  if (id !== 'kubelet.crt') {
    return refuse(
      'NoOldCertificate',
      `${id} of node ${node.name} can only be renewed from its old certificate`,
    );
  }
  const who = `${id} of node ${node.name}`;
  const own = asSan(node.name);
  const addresses = unique(question.machineAddresses ?? [])
    .map(asSan)
    .filter(({ kind, value }) => kind === 'ip' && value !== own.value);
  // A kubelet writes that list itself; no machine has so many.
  if (addresses.length > mostAddresses) {
    return refuse('SanNotAllowed', `${who}: its Node object lists ${addresses.length} addresses`);
  }
  const { denied, stands } = judgeSans([own, ...addresses], sanFacts(question));
  if (!stands.includes(own)) return refuse('SanNotAllowed', `${who}: ${denied.join('; ')}`);
  // The API server reaches a kubelet by address: a certificate that names none would break logs and exec.
  if (!stands.some(({ kind, value }) => kind === 'ip' && !normalName(value).loopback)) {
    const why = denied.join('; ') || 'its Node object has none';
    return refuse('SanNotAllowed', `${who}: no address of the node may be named: ${why}`);
  }
  return {
    ok: true,
    identity: {
      from: 'node',
      commonName: `system:node:${node.name}`,
      organizations: ['system:nodes'],
      sans: stands,
      extendedKeyUsages: ['serverAuth'],
      leftOut: denied,
    },
  };
}

function judgedBy(rule: IdentityRule, sans: readonly San[], question: IssueQuestion): SanJudgement {
  if (rule.sans === 'kubelet') return judgeSans(sans, sanFacts(question));
  const bad = rule.sans === 'none' ? sans : sans.filter(({ kind }) => kind !== 'dns' && kind !== 'ip');
  const why =
    rule.sans === 'none' ? 'a client certificate names no host' : 'only DNS names and addresses are renewed';
  const denied = bad.map((san) => `SAN ${sanText(san)}: ${why}`);
  return { denied, stands: sans.filter((san) => !bad.includes(san)), disputed: [] };
}

function sanFacts({ role, node, otherNodes, endpoints, apiserverSans, old }: IssueQuestion): SanFacts {
  return { role, node, otherNodes, endpoints, apiserverSans: apiserverSans ?? [], held: old !== undefined };
}

function asSan(name: string): San {
  const { ip, text } = normalName(name);
  return { kind: ip ? 'ip' : 'dns', value: text };
}

/** How many attributes of a type the subject has, read from its one-line form. */
function attributes(certificate: Certificate, type: string): number {
  return [...certificate.subject.text.matchAll(new RegExp(`(?:^|[,+/])\\s*${type}\\s*=`, 'gu'))].length;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return (
    a.length === b.length && a.every((value) => b.includes(value)) && b.every((value) => a.includes(value))
  );
}

function unique(values: readonly string[]): string[] {
  return [...new Map(values.map((value) => [normalName(value).text, value])).values()];
}

function either(values: readonly string[]): string {
  return values.map((value) => `"${value}"`).join(' or ');
}

function refuse(reason: IdentityRefusal, message: string): IssueAnswer {
  return { ok: false, reason, message };
}
