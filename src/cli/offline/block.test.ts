import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CertError, describeError } from '../../errors.ts';
import { pem } from '../../pki/pem.ts';
import {
  readRequests,
  readResponses,
  requestText,
  responseText,
  type RequestBlock,
  type ResponseBlock,
} from './block.ts';

const request: RequestBlock = {
  schema: 1,
  id: '0f'.repeat(16),
  node: 'w1',
  machineId: 'a'.repeat(32),
  made: '2030-03-01T00:00:00Z',
  certificates: [{ id: 'kubelet.crt', old: 'AAAA', request: 'AAAA', possession: 'AAAA' }],
};
const response: ResponseBlock = {
  schema: 1,
  id: request.id,
  node: 'w1',
  machineId: request.machineId,
  certificates: [{ id: 'kubelet.crt', certificate: 'AAAA' }],
};
const why = (work: () => unknown): string => {
  try {
    work();
    return 'it was taken';
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return describeError(error);
  }
};
const armoured = (value: unknown): string =>
  pem('CERT RENEW REQUEST', new Uint8Array(Buffer.from(JSON.stringify(value))));
const broken =
  /^a request cannot be read.*: it was cut or changed on its way, or comes from a newer cert-renew; bring it again$/u;

describe('what goes by post', () => {
  it('comes back as it went, many in one file, also with the line ends of Windows', () => {
    const other = { ...request, node: 'w2.example.com', id: 'ab'.repeat(16) };
    const text = requestText(request) + requestText(other);
    expect(readRequests(text)).toEqual([request, other]);
    expect(readRequests(text.replaceAll('\n', '\r\n'))).toEqual([request, other]);
    expect(readResponses(responseText(response))).toEqual([response]);
  });

  it('says in clear what it is', () => {
    expect(requestText(request)).toMatch(
      /^# Request 0f.* of node w1, made .*: kubelet\.crt\n# It holds no private key/u,
    );
    expect(responseText(response)).toMatch(
      /^# Answer to request 0f.* of node w1: kubelet\.crt\n# Certificates only/u,
    );
  });

  it.each([
    ['', 'holds no request: name what cert-renew request wrote, with its BEGIN and END lines'],
    [
      pem('EC PRIVATE KEY', Uint8Array.of(1)),
      'holds a private key, which no request does: keys stay on their node; take it out and destroy the copies',
    ],
    [
      pem('CERTIFICATE', Uint8Array.of(1)),
      'holds a block CERTIFICATE, which no request has: name what cert-renew request wrote, with its BEGIN and END lines',
    ],
    [responseText(response), 'is a response: bring it to its node and give it to cert-renew install'],
    [
      requestText(request).split('\n').slice(0, -2).join('\n'),
      'not well-formed PEM: block CERT RENEW REQUEST has no end',
    ],
  ])('%j is no request', (text, message) => {
    expect(why(() => readRequests(text))).toBe(message);
  });

  it('a request is no response', () => {
    expect(why(() => readResponses(requestText(request)))).toBe(
      'is a request: give it to cert-renew sign, and its answer to install',
    );
    expect(why(() => readResponses(''))).toBe(
      'holds no response: name what cert-renew sign wrote, with its BEGIN and END lines',
    );
  });

  it.each([
    ['another schema', { ...request, schema: 2 }],
    ['a name that is none', { ...request, node: 'w1\u001B[31m' }],
    ['a name with dots at its end', { ...request, node: 'w1..' }],
    ['no certificate', { ...request, certificates: [] }],
    ['a certificate twice', { ...request, certificates: [...request.certificates, ...request.certificates] }],
    [
      'a certificate that the catalogue does not have',
      { ...request, certificates: [{ ...request.certificates[0], id: 'sa.key' }] },
    ],
    ['a text that is no base64', { ...request, certificates: [{ ...request.certificates[0], old: 'a b' }] }],
    ['another id', { ...request, id: '../etc' }],
    ['no object', [request]],
  ])('%s is refused', (_, value) => {
    expect(why(() => readRequests(armoured(value)))).toMatch(broken);
  });

  it('never throws anything else', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const bytes = new Uint8Array(Buffer.from(json));
        expect(why(() => readRequests(pem('CERT RENEW REQUEST', bytes)))).not.toBe('');
        expect(why(() => readResponses(pem('CERT RENEW RESPONSE', bytes)))).not.toBe('');
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(why(() => readResponses(text))).not.toBe('it was taken');
      }),
    );
  });
});
