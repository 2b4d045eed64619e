import { describe, expect, it, test } from 'vitest';
import { serviceNames } from '../../kube/objects.ts';
import { bearerOf, isForeign, isOwnHost } from './guard.ts';

const names = [
  ...serviceNames('cluster-cert-rotator', 'cpaas-system'),
  'cluster-cert-rotator.cpaas-system',
  'certs.example.org',
];

describe('the Host', () => {
  it.each([
    'localhost:8443',
    '127.0.0.1:8443',
    '[::1]:8443',
    '10.96.0.7',
    'cluster-cert-rotator.cpaas-system.svc:8443',
    'Certs.Example.org',
  ])('%s is ours', (host) => expect(isOwnHost(host, names)).toBe(true));

  it.each([
    undefined,
    '',
    'evil.example',
    'cluster-cert-rotator.evil.example',
    'certs.example.org.evil.example',
    'localhost@evil.example',
    'localhost:8443:1',
    '[evil]:8443',
    '127.0.0.1.evil.example',
    'localhost/',
  ])('%s is not', (host) => expect(isOwnHost(host, names)).toBe(false));
});

test('another site’s requests are told by the browser', () => {
  expect(isForeign({})).toBe(false);
  expect(isForeign({ 'sec-fetch-site': 'same-origin', origin: 'https://proxied' })).toBe(false);
  expect(isForeign({ 'sec-fetch-site': 'cross-site' })).toBe(true);
  expect(isForeign({ 'sec-fetch-site': 'same-site' })).toBe(true);
  expect(isForeign({ host: 'a:8443', origin: 'https://a:8443' })).toBe(false);
  expect(isForeign({ host: 'a:8443', origin: 'https://b' })).toBe(true);
  expect(isForeign({ host: 'a:8443', origin: 'null' })).toBe(true);
});

test('a token is one as RFC 6750 has it', () => {
  expect(bearerOf({})).toEqual({ kind: 'none' });
  expect(bearerOf({ authorization: 'Bearer abc.d-e_f~+/==' })).toEqual({
    kind: 'token',
    token: 'abc.d-e_f~+/==',
  });
  for (const authorization of [
    '',
    'Basic YTpi',
    'Bearer ',
    'Bearer a b',
    'Bearer ü',
    `Bearer ${'a'.repeat(20_000)}`,
  ])
    expect(bearerOf({ authorization })).toEqual({ kind: 'malformed' });
});
