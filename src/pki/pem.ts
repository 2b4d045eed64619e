// PEM text (RFC 7468) as blocks with their places; nothing else of the text is interpreted.
import { CertError } from '../errors.ts';

export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
  /** RFC 1421 headers such as Proc-Type; only encrypted keys have them. */
  readonly headers: readonly string[];
  /** Position in the text: from the first dash of BEGIN to after the last dash of END. */
  readonly start: number;
  readonly end: number;
}

const begin = /^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?$/gm;

/** All blocks of a text, in order. Text around them is ignored. Errors: MalformedPem with line. */
export function readPem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const match of text.matchAll(begin)) {
    const start = match.index;
    if (start < (blocks.at(-1)?.end ?? 0)) throw malformed(text, start, 'a block begins inside another');
    const label = match[1] ?? '';
    const bodyStart = start + match[0].length;
    const end = new RegExp(`^-----END ${label}-----(?=[ \\t]*\\r?$)`, 'm').exec(text.slice(bodyStart));
    if (end === null) throw malformed(text, start, `block ${label} has no end`);
    const body = text.slice(bodyStart, bodyStart + end.index);
    if (body.includes('-----BEGIN ')) throw malformed(text, start, `block ${label} has no end`);
    const { headers, der } = readBody(body, () => malformed(text, start, `block ${label} is not base64`));
    blocks.push({ label, der, headers, start, end: bodyStart + end.index + end[0].length });
  }
  return blocks;
}

function readBody(body: string, refuse: () => CertError): { headers: string[]; der: Uint8Array } {
  const lines = body.split(/\r?\n/).map((line) => line.trim());
  const lastHeader = lines.findLastIndex((line) => line.includes(':'));
  const base64 = lines.slice(lastHeader + 1).join('');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0 || base64 === '') throw refuse();
  return { headers: lines.slice(0, lastHeader + 1).filter((line) => line !== ''), der: fromBase64(base64) };
}

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

function malformed(text: string, at: number, why: string): CertError {
  return new CertError('MalformedPem', `not well-formed PEM: ${why}`, {
    line: text.slice(0, at).split('\n').length,
  });
}

/** One block with lines of 64 characters and a newline at its end. */
export function pem(label: string, der: Uint8Array, newline: '\n' | '\r\n' = '\n'): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join(newline);
}
