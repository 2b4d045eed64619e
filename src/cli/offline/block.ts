// What goes from a worker to a control plane and back, by any means: text, one armoured block (RFC 7468) for each node, so
// that files can be put together with cat. A request holds no private key; a response holds certificates only.
import * as v from 'valibot';
import { certificateIds } from '../../catalogue/ids.ts';
import { CertError } from '../../errors.ts';
import { pem, readPem, type PemBlock } from '../../formats/pem.ts';

/** Thousands of nodes in one file. */
export const largestFile = 32 * 1024 * 1024;

const base64 = v.pipe(v.string(), v.maxLength(32_768), v.regex(/^[A-Za-z0-9+/]+={0,2}$/u));
const requestId = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/u));
/** A Node's name (RFC 1123 subdomain). */
const nodeName = v.pipe(
  v.string(),
  v.maxLength(253),
  v.regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/u),
);
export const isNodeName = (text: string): boolean => v.is(nodeName, text);

const head = {
  schema: v.literal(1),
  id: requestId,
  node: nodeName,
  /** /etc/machine-id, or `none`. */
  machineId: v.pipe(v.string(), v.regex(/^([0-9a-f]{32}|none)$/u)),
};

/** Each certificate of the catalogue at most once. */
function certificatesOf<T extends v.ObjectEntries>(entries: T) {
  const certificate = v.object({ id: v.picklist(certificateIds), ...entries });
  return v.pipe(
    v.array(certificate),
    v.minLength(1, 'it is for no certificate'),
    v.check((list) => new Set(list.map(({ id }) => id)).size === list.length, 'it names a certificate twice'),
  );
}

const requestShape = v.object({
  ...head,
  /** When it was made, by that node's clock. RFC 3339. */
  made: v.pipe(v.string(), v.isoTimestamp()),
  certificates: certificatesOf({
    /** The certificate whose place the new one takes: DER. */
    old: base64,
    /** PKCS#10, DER: who made it has the new key. */
    request: base64,
    /** R4: signature by the old key over the new public key, `id` of the request and id of the certificate. */
    possession: base64,
  }),
});
export type RequestBlock = v.InferOutput<typeof requestShape>;

const responseShape = v.object({
  ...head,
  certificates: certificatesOf({ /** DER. */ certificate: base64 }),
});
export type ResponseBlock = v.InferOutput<typeof responseShape>;

const labels = { request: 'CERT RENEW REQUEST', response: 'CERT RENEW RESPONSE' } as const;

export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
export const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

/** All requests of a text, in order. @throws CertError MalformedPem, Unsupported */
export function readRequests(text: string): RequestBlock[] {
  return blocksOf(text, 'request').map((block) => read(text, block, requestShape, 'request'));
}

/** All responses of a text, in order. @throws CertError MalformedPem, Unsupported */
export function readResponses(text: string): ResponseBlock[] {
  return blocksOf(text, 'response').map((block) => read(text, block, responseShape, 'response'));
}

/** As a value of JSON that lies on the disk. Undefined: it is none. */
export function asRequest(value: unknown): RequestBlock | undefined {
  const parsed = v.safeParse(requestShape, value);
  return parsed.success ? parsed.output : undefined;
}

export type Kind = keyof typeof labels;

/** What every text of a kind holds. */
export const beginLine = (kind: Kind): string => `-----BEGIN ${labels[kind]}-----`;

function blocksOf(text: string, kind: Kind): readonly PemBlock[] {
  const blocks = readPem(text);
  for (const { label, start } of blocks) {
    if (label === labels[kind]) continue;
    throw new CertError('Unsupported', whyStrange(label, kind), { line: lineOf(text, start) });
  }
  if (blocks.length > 0) return blocks;
  throw new CertError('MalformedPem', `holds no ${kind}: ${whence[kind]}`);
}

const whence: Readonly<Record<Kind, string>> = {
  request: 'name what cert-renew request wrote, with its BEGIN and END lines',
  response: 'name what cert-renew sign wrote, with its BEGIN and END lines',
};

function whyStrange(label: string, kind: Kind): string {
  if (label.endsWith('PRIVATE KEY'))
    return `holds a private key, which no ${kind} does: keys stay on their node; take it out and destroy the copies`;
  if (label === labels.response)
    return 'is a response: bring it to its node and give it to cert-renew install';
  if (label === labels.request) return 'is a request: give it to cert-renew sign, and its answer to install';
  return `holds a block ${label}, which no ${kind} has: ${whence[kind]}`;
}

function read<T extends v.GenericSchema>(
  text: string,
  { der, start }: PemBlock,
  shape: T,
  kind: Kind,
): v.InferOutput<T> {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), shape), Buffer.from(der).toString('utf8'));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const where = issue === undefined ? '' : ` (${v.getDotPath(issue) ?? 'all of it'})`;
  throw new CertError(
    'MalformedPem',
    `a ${kind} cannot be read${where}: it was cut or changed on its way, or comes from a newer cert-renew; bring it again`,
    { line: lineOf(text, start) },
  );
}

const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length;

export function requestText(block: RequestBlock): string {
  return [
    `# Request ${block.id} of node ${block.node}, made ${block.made}: ${block.certificates.map(({ id }) => id).join(', ')}`,
    '# It holds no private key. On a control plane: cert-renew sign THIS-FILE',
    armour(labels.request, block),
  ].join('\n');
}

export function responseText(block: ResponseBlock): string {
  return [
    `# Answer to request ${block.id} of node ${block.node}: ${block.certificates.map(({ id }) => id).join(', ')}`,
    `# Certificates only. On node ${block.node}: cert-renew install THIS-FILE`,
    armour(labels.response, block),
  ].join('\n');
}

const armour = (label: string, value: object): string =>
  pem(label, new Uint8Array(Buffer.from(JSON.stringify(value), 'utf8')));
