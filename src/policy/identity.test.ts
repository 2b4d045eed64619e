import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { certificateIds, type CertificateId, type NodeRole } from '../catalogue/ids.ts';
import type { Certificate, ExtendedKeyUsage, San } from '../pki/certificate.ts';
import { identityRules } from './identity-rules.ts';
import { mayIssue, type IssueQuestion } from './identity.ts';
import { normalName } from './identity-sans.ts';

const dns = (value: string): San => ({ kind: 'dns', value });
const ip = (value: string): San => ({ kind: 'ip', value });

function certificate(
  commonName: string,
  {
    o = [],
    eku = ['serverAuth'],
    sans = [],
    isCa = false,
  }: {
    o?: string[];
    eku?: ExtendedKeyUsage[];
    sans?: San[];
    isCa?: boolean;
  } = {},
): Certificate {
  const text = [...o.map((name) => `O=${name}`), `CN=${commonName}`].join(', ');
  const subject = { der: new Uint8Array(), text, commonName, organizations: o };
  return {
    der: new Uint8Array(),
    serial: '1',
    subject,
    issuer: subject,
    notBefore: new Date(0),
    notAfter: new Date(1),
    sans,
    extendedKeyUsages: eku,
    isCa,
    spki: new Uint8Array(),
    keyAlgorithm: 'RSA-2048',
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    sha256: '',
  };
}

const cluster: Pick<IssueQuestion, 'otherNodes' | 'endpoints'> = {
  otherNodes: [
    { name: 'cp1', role: 'control-plane', addresses: ['10.0.0.1', 'fd00::1', 'cp1'] },
    { name: 'w2', role: 'worker', addresses: ['10.0.0.12', 'w2.example.org'] },
  ],
  endpoints: {
    apiServers: ['10.0.0.1', '10.0.0.2'],
    etcd: ['10.0.9.1'],
    services: ['10.96.0.1', '10.96.0.10'],
    serviceClaims: [{ host: '203.0.113.9', by: 'default/web' }],
    controlPlaneEndpoint: ['api.example.org', '10.0.0.100'],
  },
};
const worker = { name: 'w1', addresses: ['10.0.0.11', 'w1'] };
const controlPlane = { name: 'cp2', addresses: ['10.0.0.2', 'cp2'] };

function ask(
  id: CertificateId,
  role: NodeRole,
  old: Certificate | undefined,
  more: Partial<IssueQuestion> = {},
): ReturnType<typeof mayIssue> {
  const node = more.node ?? (role === 'worker' ? worker : controlPlane);
  return mayIssue({ id, role, node, machineAddresses: node.addresses, ...cluster, old, ...more });
}

const kubelet = (...sans: San[]): Certificate => certificate('kubelet', { sans });

describe('kubelet.crt of a worker (R5)', () => {
  it.each<[string, San]>([
    ['an address of another node', ip('10.0.0.12')],
    ['the name of another node', dns('w2')],
    ['the name of another node in other letters and with a dot', dns('W2.')],
    ['a DNS address of another node', dns('w2.example.org')],
    ['the IPv6 address of a control plane, written in full', ip('fd00:0:0:0:0:0:0:1')],
    ['an IPv4-mapped IPv6 form of an API server', ip('::ffff:10.0.0.1')],
    ['an address written as a DNS name', dns('10.0.0.1')],
    ['an API server', ip('10.0.0.2')],
    ['etcd', ip('10.0.9.1')],
    ['the ClusterIP of a Service', ip('10.96.0.1')],
    ['the load-balancer address of a Service', ip('203.0.113.9')],
    ['the controlPlaneEndpoint by name', dns('api.example.org')],
    ['the controlPlaneEndpoint by address', ip('10.0.0.100')],
    ['kubernetes', dns('kubernetes')],
    ['kubernetes.default', dns('kubernetes.default')],
    ['kubernetes.default.svc.cluster.local', dns('kubernetes.default.svc.cluster.local')],
    ['kubernetes with a tail', dns('KUBERNETES-api')],
    ['the name of any Service', dns('metrics.kube-system.svc')],
    ['a wildcard', dns('*.example.org')],
    ['a URI', { kind: 'uri', value: 'spiffe://x' }],
    ['an e-mail address', { kind: 'email', value: 'a@b' }],
    ['some other name form', { kind: 'other', value: '1.2.3' }],
  ])('is refused when it names %s, and the message names it', (_what, bad) => {
    const answer = ask('kubelet.crt', 'worker', kubelet(dns('w1'), ip('10.0.0.11'), bad));
    expect(answer).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
    expect(answer.ok ? '' : answer.message).toContain(bad.value);
    expect(answer.ok ? '' : answer.message).toContain('w1');
  });

  it.each<[string, readonly San[]]>([
    ['its own name and address', [dns('w1'), ip('10.0.0.11')]],
    ['a second address of its own that the Node object does not show', [dns('w1'), ip('172.17.0.1')]],
    ['loopback beside others', [dns('w1'), dns('localhost'), ip('127.0.0.1'), ip('::1')]],
  ])('is signed when it names %s', (_what, sans) => {
    const old = kubelet(...sans);
    const identity = { from: 'successor', old, disputed: [] };
    expect(ask('kubelet.crt', 'worker', old)).toEqual({ ok: true, identity });
  });

  it('is refused when it names loopback alone', () => {
    expect(ask('kubelet.crt', 'worker', kubelet(dns('localhost'), ip('127.0.0.1')))).toMatchObject({
      ok: false,
      reason: 'SanNotAllowed',
    });
  });

  it('is refused for an address that its own Node object claims and an API server has', () => {
    const answer = ask('kubelet.crt', 'worker', kubelet(ip('10.0.0.2')), {
      node: { name: 'w1', addresses: ['10.0.0.2'] },
    });
    expect(answer).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
  });

  it('is not helped by what an API server names: that is for control planes', () => {
    const answer = ask('kubelet.crt', 'worker', kubelet(dns('w1'), ip('10.0.0.100')), {
      apiserverSans: [ip('10.0.0.100')],
    });
    expect(answer).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
  });

  it('names every SAN that fails', () => {
    const answer = ask('kubelet.crt', 'worker', kubelet(dns('w1'), dns('kubernetes'), ip('10.0.0.12')));
    expect(answer.ok ? '' : answer.message).toMatch(/DNS:kubernetes.*IP:10\.0\.0\.12.*w2/u);
  });

  it('may name a Node that is really called kubernetes-w1, but no other name of that kind', () => {
    const node = { name: 'kubernetes-w1', addresses: ['10.0.0.11'] };
    expect(ask('kubelet.crt', 'worker', kubelet(dns('kubernetes-w1'), ip('10.0.0.11')), { node }).ok).toBe(
      true,
    );
    expect(ask('kubelet.crt', 'worker', kubelet(dns('kubernetes-w2'), ip('10.0.0.11')), { node }).ok).toBe(
      false,
    );
    const taken = { name: 'kubernetes', addresses: ['10.0.0.11'] };
    expect(ask('kubelet.crt', 'worker', kubelet(dns('kubernetes')), { node: taken }).ok).toBe(false);
  });

  it('never depends on where in the list the bad name stands', () => {
    const good = fc.constantFrom(dns('w1'), ip('10.0.0.11'), ip('127.0.0.1'), dns('w1.example.org'));
    const bad = fc.constantFrom(ip('10.0.0.1'), dns('kubernetes'), dns('cp1'), ip('10.96.0.1'), dns('*'));
    fc.assert(
      fc.property(fc.array(good), bad, fc.array(good), (before, one, after) => {
        expect(ask('kubelet.crt', 'worker', kubelet(...before, one, ...after)).ok).toBe(false);
      }),
    );
  });
});

describe('names of a worker that others claim', () => {
  const old = kubelet(dns('w1'), ip('10.0.0.11'));
  const claimedBy = (more: Partial<IssueQuestion>, of: Certificate | undefined = old) =>
    ask('kubelet.crt', 'worker', of, more);
  const byWorker: Partial<IssueQuestion> = {
    otherNodes: [{ name: 'w2', role: 'worker', addresses: ['10.0.0.11', 'w1'] }],
  };
  const byService: Partial<IssueQuestion> = {
    endpoints: { ...cluster.endpoints, serviceClaims: [{ host: '10.0.0.11', by: 'shop/cart' }] },
  };

  it.each<[string, Partial<IssueQuestion>, RegExp]>([
    ['another worker', byWorker, /IP:10\.0\.0\.11.*w2/u],
    ['a Service', byService, /IP:10\.0\.0\.11.*shop\/cart/u],
  ])('are kept and the claimant is named: %s', (_who, more, says) => {
    const answer = claimedBy(more);
    expect(answer).toMatchObject({ ok: true, identity: { from: 'successor' } });
    const disputed = answer.ok && answer.identity.from === 'successor' ? answer.identity.disputed : [];
    expect(disputed.join('; ')).toMatch(says);
  });

  it.each<[string, Partial<IssueQuestion>]>([
    ['a control plane', { otherNodes: [{ name: 'cp1', role: 'control-plane', addresses: ['10.0.0.11'] }] }],
    ['an API server', { endpoints: { ...cluster.endpoints, apiServers: ['10.0.0.11'] } }],
    ['etcd', { endpoints: { ...cluster.endpoints, etcd: ['10.0.0.11'] } }],
    ['the controlPlaneEndpoint', { endpoints: { ...cluster.endpoints, controlPlaneEndpoint: ['w1'] } }],
    ['a ClusterIP', { endpoints: { ...cluster.endpoints, services: ['10.0.0.11'] } }],
    ['the name of another Node', { otherNodes: [{ name: '10.0.0.11', role: 'worker', addresses: [] }] }],
    [
      'a worker and an API server',
      { ...byWorker, endpoints: { ...cluster.endpoints, apiServers: ['10.0.0.11'] } },
    ],
  ])('are refused when they are more than somebody’s word: %s', (_who, more) => {
    expect(claimedBy(more)).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
  });

  it('are refused when its own Node object does not have them', () => {
    const node = { name: 'w1', addresses: ['10.0.0.99'] };
    expect(claimedBy({ ...byWorker, node })).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
    expect(claimedBy({ ...byService, node })).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
  });

  it('are not given by a first replacement: no certificate of the CA has them yet', () => {
    const answer = ask('kubelet.crt', 'worker', undefined, byService);
    expect(answer).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
  });
});

describe('kubelet.crt of a control plane (R5)', () => {
  it('may name its own name and addresses, although its API server listens there', () => {
    expect(ask('kubelet.crt', 'control-plane', kubelet(dns('cp2'), ip('10.0.0.2'))).ok).toBe(true);
  });
  it('may keep a virtual address that its apiserver.crt names too', () => {
    const old = kubelet(dns('cp2'), ip('10.0.0.100'));
    expect(ask('kubelet.crt', 'control-plane', old, { apiserverSans: [ip('10.0.0.100')] }).ok).toBe(true);
  });
  it('may not keep a virtual address that its apiserver.crt does not name', () => {
    expect(ask('kubelet.crt', 'control-plane', kubelet(dns('cp2'), ip('10.0.0.100'))).ok).toBe(false);
  });
  it('may not name another control plane', () => {
    expect(ask('kubelet.crt', 'control-plane', kubelet(dns('cp2'), ip('10.0.0.1'))).ok).toBe(false);
  });
  it('may not name loopback alone', () => {
    expect(ask('kubelet.crt', 'control-plane', kubelet(ip('127.0.0.1'))).ok).toBe(false);
  });
});

describe('first replacement of kubelet.crt (R3)', () => {
  it('takes everything from the Node object', () => {
    expect(ask('kubelet.crt', 'worker', undefined)).toEqual({
      ok: true,
      identity: {
        from: 'node',
        commonName: 'system:node:w1',
        organizations: ['system:nodes'],
        sans: [dns('w1'), ip('10.0.0.11')],
        extendedKeyUsages: ['serverAuth'],
        leftOut: [],
      },
    });
  });
  it('leaves out addresses that do not pass R5 and says which', () => {
    const answer = ask('kubelet.crt', 'worker', undefined, {
      node: { name: 'w1', addresses: ['10.0.0.11', '10.0.0.1', 'FD00::11', 'fd00:0::11'] },
    });
    const identity = answer.ok && answer.identity.from === 'node' ? answer.identity : undefined;
    expect(identity?.sans).toEqual([dns('w1'), ip('10.0.0.11'), ip('fd00::11')]);
    expect(identity?.leftOut).toEqual(['SAN IP:10.0.0.1: it belongs to node cp1']);
  });
  it('takes no name but the Node’s own, whatever its kubelet writes into its status', () => {
    const answer = ask('kubelet.crt', 'worker', undefined, {
      node: { name: 'w1', addresses: ['10.0.0.11', 'bank.example.org', '203.0.113.77'] },
      machineAddresses: ['10.0.0.11', 'registry.example.org'],
    });
    expect(answer).toMatchObject({ ok: true, identity: { sans: [dns('w1'), ip('10.0.0.11')] } });
  });
  it('is refused at once for a Node with thousands of addresses', () => {
    const machineAddresses = Array.from({ length: 20_000 }, (_, i) => `10.9.${i >> 8}.${i & 255}`);
    const start = performance.now();
    const answer = ask('kubelet.crt', 'worker', undefined, { machineAddresses });
    expect(answer).toMatchObject({ ok: false, message: expect.stringContaining('20000 addresses') });
    expect(performance.now() - start).toBeLessThan(1000);
  });
  it('is refused when no address remains', () => {
    const answer = ask('kubelet.crt', 'worker', undefined, { node: { name: 'w1', addresses: ['10.0.0.1'] } });
    expect(answer).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
  });
  it('names a Node whose name is its address by that address', () => {
    const answer = ask('kubelet.crt', 'worker', undefined, {
      node: { name: '10.0.0.11', addresses: ['10.0.0.11'] },
    });
    expect(answer).toMatchObject({ ok: true, identity: { sans: [ip('10.0.0.11')] } });
  });
  it.each(certificateIds.filter((id) => id !== 'kubelet.crt'))('is never for %s', (id) => {
    expect(ask(id, 'control-plane', undefined)).toMatchObject({ ok: false, reason: 'NoOldCertificate' });
  });
});

describe('subject, usages and names per certificate', () => {
  const workers: readonly CertificateId[] = ['kubelet.crt', 'kubelet-client-current.pem'];

  it.each(certificateIds)('a worker gets %s only when it is its own kubelet’s', (id) => {
    const rule = identityRules[id];
    const old = certificate(rule.commonNames[0]?.replace('<node>', 'w1') ?? '', {
      o: [...(rule.organizations[0] ?? [])],
      eku: [...(rule.usages[0] ?? [])],
    });
    const answer = ask(id, 'worker', old);
    expect(answer.ok ? 'signed' : answer.reason).toBe(workers.includes(id) ? 'signed' : 'RoleNotAllowed');
  });

  it.each(certificateIds)('every allowed form of %s is signed for a control plane', (id) => {
    const rule = identityRules[id];
    for (const cn of rule.commonNames) {
      for (const o of rule.organizations) {
        for (const eku of rule.usages) {
          const old = certificate(cn.replace('<node>', 'cp2'), { o: [...o], eku: [...eku] });
          expect(ask(id, 'control-plane', old).ok).toBe(true);
        }
      }
    }
  });

  it.each(certificateIds)('%s with another name, group, usage, or as a CA is refused', (id) => {
    const rule = identityRules[id];
    const cn = rule.commonNames[0]?.replace('<node>', 'cp2') ?? '';
    const o = [...(rule.organizations[0] ?? [])];
    const eku = [...(rule.usages[0] ?? [])];
    const of = (old: Certificate): unknown => {
      const answer = ask(id, 'control-plane', old);
      return answer.ok ? 'signed' : answer.reason;
    };
    expect(of(certificate(cn, { o, eku }))).toBe('signed');
    expect(of(certificate(`${cn}x`, { o, eku }))).toBe('SubjectNotAllowed');
    expect(of(certificate('system:node:w2', { o, eku }))).toBe('SubjectNotAllowed');
    expect(of(certificate(cn, { o: [...o, 'wheel'], eku }))).toBe('SubjectNotAllowed');
    expect(of(certificate(`${cn}, CN=${cn}`, { o, eku }))).toBe('SubjectNotAllowed');
    expect(of(certificate(cn, { o, eku: [] }))).toBe('UsageNotAllowed');
    expect(of(certificate(cn, { o, eku: ['oid:1.3.6.1.5.5.7.3.3'] }))).toBe('UsageNotAllowed');
    expect(of(certificate(cn, { o, eku, isCa: true }))).toBe('CertificateAuthority');
  });

  it('a kubelet’s serving certificate that is a login too is refused', () => {
    const old = certificate('system:node:w1', {
      o: ['system:nodes'],
      eku: ['serverAuth', 'clientAuth'],
      sans: [dns('w1')],
    });
    expect(ask('kubelet.crt', 'worker', old)).toMatchObject({ ok: false, reason: 'UsageNotAllowed' });
  });

  it('a client certificate that names a host is refused', () => {
    const old = certificate('system:kube-scheduler', { eku: ['clientAuth'], sans: [dns('kubernetes')] });
    expect(ask('scheduler.conf', 'control-plane', old)).toMatchObject({ ok: false, reason: 'SanNotAllowed' });
  });

  it('system:masters is only where kubeadm puts it', () => {
    const withMasters = certificateIds.filter((id) =>
      identityRules[id].organizations.some((set) => set.includes('system:masters')),
    );
    expect(withMasters).toEqual([
      'apiserver-etcd-client.crt',
      'apiserver-kubelet-client.crt',
      'etcd/healthcheck-client.crt',
      '/root/.kube/config',
      'admin.conf',
      'super-admin.conf',
    ]);
  });
});

describe('normalName', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['[fd00::1]', 'fd00::1'],
    ['fd00:0000::0001', 'fd00::1'],
    ['Node-1.Example.ORG.', 'node-1.example.org'],
  ])('%s becomes %s', (value, text) => {
    expect(normalName(value).text).toBe(text);
  });
  it.each([' ', '.', ' .', '\u00a0', '[', '%'])('takes no time for a megabyte of %j', (piece) => {
    const long = `a${piece.repeat(1_000_000)}a`;
    const start = performance.now();
    normalName(long);
    const node = { name: 'w2', role: 'worker' as const, addresses: [long] };
    expect(ask('kubelet.crt', 'worker', kubelet(dns('w1')), { otherNodes: [node] }).ok).toBe(true);
    expect(performance.now() - start).toBeLessThan(500);
  });
  it('refuses a name longer than any name can be', () => {
    const answer = ask('kubelet.crt', 'worker', kubelet(dns('w1'), dns('a'.repeat(254))));
    expect(answer).toMatchObject({ ok: false, message: expect.stringContaining('253') });
  });
  it('never throws and is its own fixed point', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.domain()), (value) => {
        const once = normalName(value);
        expect(normalName(once.text)).toEqual(once);
      }),
    );
  });
});
