// CertificateSigningRequests for our signer, made by hand: every part may be a lie. By openssl and node:crypto alone.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { run, waitFor, withFile } from './command.ts';
import type { Identity } from './identities.ts';
import type { Kubectl, KubeObject } from './kubectl.ts';
import { guardOf, lastWords, type Refusal } from './refusals.ts';

export interface NewKey {
  readonly pem: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
}

export function newKey(): NewKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    pem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    spki: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

/** The key of a certificate as a new one: what a renewal with the same key asks with. */
export function keyOf(pem: string): NewKey {
  const privateKey = createPrivateKey(pem);
  return {
    pem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    spki: createPublicKey(pem).export({ type: 'spki', format: 'der' }),
  };
}

/** The annotation `renews` (R4): the old certificate, and a signature over rotation, id and new key. */
export function renewal(
  old: string,
  signer: string,
  over: { readonly rotationUID: string; readonly id: string; readonly spki: Buffer },
): string {
  const bytes = Buffer.concat([Buffer.from(`renews-v1\n${over.rotationUID}\n${over.id}\n`), over.spki]);
  const certificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/.exec(old)?.[0] ?? '';
  const signature = sign('sha256', bytes, createPrivateKey(privateBlock(signer))).toString('base64');
  return Buffer.from(JSON.stringify({ certificate, signature })).toString('base64');
}

/** Of a file that may hold certificates too. */
function privateBlock(text: string): string {
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----/.exec(text)?.[0] ?? text;
}

export interface Forgery {
  readonly name: string;
  readonly id: string;
  /** Name of the CertificateRotation. */
  readonly rotation: string;
  readonly key?: NewKey;
  readonly renews?: string;
  readonly subject?: string;
  /** `DNS:kubernetes` */
  readonly san?: string;
  readonly signerName?: string;
}

/** openssl opens no pipe as a key. */
async function requestPem(key: NewKey, words: readonly string[]): Promise<string> {
  return await withFile(
    'new.key',
    key.pem,
    async (file) => await run('openssl', ['req', '-new', '-key', file, ...words]),
  );
}

export async function requestObject(forgery: Forgery): Promise<object> {
  const { name, id, rotation, key = newKey(), renews, subject = '/CN=x', san } = forgery;
  const more = san === undefined ? [] : ['-addext', `subjectAltName=${san}`];
  const pem = await requestPem(key, ['-subj', subject, ...more]);
  const group = 'certrotator.cpaas.io';
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: {
      name,
      annotations: {
        [`${group}/rotation`]: rotation,
        [`${group}/certificate`]: id,
        ...(renews === undefined ? {} : { [`${group}/renews`]: renews }),
      },
    },
    spec: {
      signerName: forgery.signerName ?? `${group}/node`,
      request: Buffer.from(pem).toString('base64'),
      usages: ['digital signature', 'server auth'],
    },
  };
}

export interface SigningRequest extends KubeObject {
  readonly spec: { readonly signerName: string; readonly username?: string };
  readonly status?: {
    readonly certificate?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** Asks as somebody, and waits for the answer as the administrator sees it. A certificate is an answer of nobody. */
export async function ask(
  { who, kubectl }: Identity,
  admin: Kubectl,
  what: string,
  forgery: Forgery,
): Promise<Refusal> {
  const object = await requestObject(forgery);
  const made = await kubectl.try(['create', '-f', '-'], { input: JSON.stringify(object) });
  if (made.code !== 0) return { who, what, by: guardOf(lastWords(made)), said: lastWords(made) };
  return await waitFor(
    `an answer to the request ${forgery.name}`,
    async () => {
      const request = await admin.get<SigningRequest>('csr', forgery.name);
      if (request === undefined) throw new Error('it is gone');
      if (request.status?.certificate) return { who, what, by: undefined, said: 'SIGNED' };
      const no = request.status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
      if (no === undefined) return undefined;
      return { who, what, by: 'the signer', said: `${no.reason}: ${no.message}` };
    },
    { seconds: 60 },
  );
}
