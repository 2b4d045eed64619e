// What every request must pass before it is looked at, and what every answer says to the browser. Pure.
import { isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';

/** Nothing but what this server itself sends is loaded or run, and nobody frames it. */
export const securityHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

/**
 * Whether the Host is one of ours. An address is: whoever makes a browser call a foreign name by our address (DNS rebinding)
 * has a name there, which is none of ours.
 */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  const host = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/\\@?#\s]+)(?::\d{1,5})?$/.exec(header ?? '')?.[1]?.toLowerCase();
  if (host === undefined) return false;
  if (isIP(host.replaceAll(/^\[|\]$/g, '')) !== 0) return true;
  return host === 'localhost' || names.includes(host);
}

/** A browser says where a request comes from; another page's is refused, whatever it carries. */
export function isForeign(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return headers.origin !== undefined && headers.origin !== `https://${headers.host ?? ''}`;
}

export type Bearer =
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'token'; readonly token: string };

/** The person's own token, as RFC 6750 has it. */
export function bearerOf({ authorization }: IncomingHttpHeaders): Bearer {
  if (authorization === undefined) return { kind: 'none' };
  const token = /^Bearer ([\w\-.~+/]{1,16000}=*)$/i.exec(authorization)?.[1];
  return token === undefined ? { kind: 'malformed' } : { kind: 'token', token };
}
