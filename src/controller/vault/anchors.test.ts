import { createServer, type Server, type TlsOptions } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { createServer as createPlainServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CertError } from '../../errors.ts';
import { pem } from '../../pki/pem.ts';
import { dialTls, gatherAnchors } from './anchors.ts';
import { makeCa, makeLeaf, makeNode, MemoryApi } from './testing.ts';

const ca = makeCa('etcd-ca');
const frontProxy = makeCa('front-proxy-ca');
const leaf = makeLeaf(ca, { commonName: 'cp1', sans: [{ kind: 'ip', value: '127.0.0.1' }] });

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function listen(server: Server | ReturnType<typeof createPlainServer>): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return isPort(address) ? address.port : 0;
}

function isPort(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

/** Asks for a client certificate and refuses whoever has none, as etcd does. */
async function etcdLike(options: TlsOptions = {}): Promise<number> {
  const server = createServer({
    cert: pem('CERTIFICATE', leaf.certificate.der),
    key: leaf.pair.key.export({ type: 'pkcs8', format: 'pem' }),
    ca: ca.certPem,
    requestCert: true,
    rejectUnauthorized: true,
    ...options,
  });
  // Whoever is refused is gone at once; that is no fault of the server.
  server.on('tlsClientError', () => undefined);
  return listen(server);
}

describe('dialTls', () => {
  const { signal } = new AbortController();

  it('sees the leaf of a server that refuses us for want of a client certificate', async () => {
    const seen = await dialTls(signal)('127.0.0.1', await etcdLike());
    expect(seen.sha256).toBe(leaf.certificate.sha256);
  });

  it('says that nobody listens', async () => {
    const server = createPlainServer();
    const port = await listen(server);
    server.close();
    await expect(dialTls(signal)('127.0.0.1', port)).rejects.toThrow(/ECONNREFUSED/u);
  });

  it('gives up on a server that says nothing', async () => {
    const port = await listen(createPlainServer());
    await expect(dialTls(signal, 100)('127.0.0.1', port)).rejects.toThrow(/no answer within 0.1 s/u);
  });

  it('gives up when it is interrupted', async () => {
    const controller = new AbortController();
    const dialing = dialTls(controller.signal)('127.0.0.1', await listen(createPlainServer()));
    controller.abort();
    await expect(dialing).rejects.toThrow('interrupted');
    await expect(dialTls(controller.signal)('127.0.0.1', 1)).rejects.toThrow('interrupted');
  });
});

describe('gatherAnchors', () => {
  it('reads both ConfigMaps and asks every control plane’s etcd', async () => {
    const api = new MemoryApi();
    const namespace = 'kube-system';
    api.put('ConfigMap', {
      metadata: { name: 'kube-root-ca.crt', namespace },
      data: { 'ca.crt': ca.certPem },
    });
    api.put('ConfigMap', {
      metadata: { name: 'extension-apiserver-authentication', namespace },
      data: { 'requestheader-client-ca-file': frontProxy.certPem + ca.certPem },
    });
    const nodes = [
      makeNode('cp1', ['10.0.0.1'], true),
      makeNode('cp2', ['10.0.0.2'], true),
      makeNode('cp3', [], true),
      makeNode('w1', ['10.0.0.11']),
    ];
    const anchors = await gatherAnchors(api.client, nodes, async (host, port) => {
      expect(port).toBe(2379);
      if (host !== '10.0.0.1') throw new CertError('Unreachable', 'nobody there');
      return Promise.resolve(leaf.certificate);
    });
    expect(anchors.kubernetes.map(({ sha256 }) => sha256)).toEqual([ca.certificate.sha256]);
    expect(anchors.frontProxy).toHaveLength(2);
    expect(anchors.etcd).toEqual([
      { node: 'cp1', leaf: leaf.certificate },
      { node: 'cp2', leaf: undefined, problem: '10.0.0.2:2379: nobody there' },
      { node: 'cp3', leaf: undefined, problem: 'its Node object has no InternalIP' },
    ]);
  });
});
