// Questions to live endpoints: which certificate do they serve, and does a client certificate work?
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { CertError, describeError } from '../errors.ts';
import type { Certificate } from '../pki/certificate.ts';
import { parseCertificate } from '../pki/parse.ts';

/** PEM of a certificate and its key. */
export interface ClientCredential {
  readonly certificate: string;
  readonly key: string;
}

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** SNI; never an address (RFC 6066). */
  readonly serverName?: string;
  readonly client?: ClientCredential;
  readonly timeoutMs?: number;
}

export interface HttpQuestion extends ProbeTarget {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  /** PEM of the CA that must have signed the server's certificate; absent: whoever answers on this node is taken. */
  readonly ca?: string;
  /** Without TLS. */
  readonly plain?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface Probes {
  /** The certificate that the server shows. Errors: Unreachable, Aborted. */
  handshake(target: ProbeTarget, signal: AbortSignal): Promise<Certificate>;
  /** One request on a connection of its own. Errors: Unreachable, Aborted. */
  request(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer>;
}

const defaultTimeoutMs = 5000;
const bodyLimit = 1024 * 1024;

export function nodeProbes(): Probes {
  return { handshake, request };
}

async function handshake(target: ProbeTarget, signal: AbortSignal): Promise<Certificate> {
  const [leaf] = await shownBy(target, signal, (peer) => [peer]);
  if (leaf === undefined)
    throw new CertError('Unreachable', `${target.host}:${target.port} shows no certificate`);
  return leaf;
}

/** All that a server shows, its own certificate first. Errors: Unreachable, MalformedDer, Aborted. */
export async function servedChain(target: ProbeTarget, signal: AbortSignal): Promise<Certificate[]> {
  return await shownBy(target, signal, chainOf);
}

/** The end of the chain refers to itself. */
function chainOf(leaf: tls.DetailedPeerCertificate): tls.DetailedPeerCertificate[] {
  const chain: tls.DetailedPeerCertificate[] = [];
  let next: tls.DetailedPeerCertificate | undefined = leaf;
  while (next?.raw instanceof Uint8Array && !chain.includes(next) && chain.length < longestChain) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

const longestChain = 16;

async function shownBy(
  target: ProbeTarget,
  signal: AbortSignal,
  pick: (peer: tls.DetailedPeerCertificate) => readonly tls.DetailedPeerCertificate[],
): Promise<Certificate[]> {
  const shown = await settle<readonly Uint8Array[]>(target, signal, (resolve, reject) => {
    const socket = tls.connect({
      host: target.host,
      port: target.port,
      ...serverName(target),
      ...clientOptions(target),
      // What is served is read and compared by serial; whom it is signed by is judged elsewhere.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    });
    socket.once('secureConnect', () => {
      const peer = socket.getPeerCertificate(true);
      if (peer.raw instanceof Uint8Array) resolve(pick(peer).map(({ raw }) => new Uint8Array(raw)));
      else reject(new Error('the server shows no certificate'));
    });
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection in the handshake')));
    return () => socket.destroy();
  });
  return shown.map((der) => parseCertificate(der));
}

async function request(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
  return await settle<HttpAnswer>(question, signal, (resolve, reject) => {
    const sent = (question.plain === true ? http : https).request({
      host: question.host,
      port: question.port,
      path: question.path,
      method: question.method ?? 'GET',
      ...serverName(question),
      ...clientOptions(question),
      ...(question.ca === undefined ? { rejectUnauthorized: false } : { ca: question.ca }),
      agent: false,
      headers: question.body === undefined ? {} : { 'content-type': 'application/json' },
    });
    sent.once('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= bodyLimit) chunks.push(chunk);
      });
      response.on('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    sent.on('error', reject);
    sent.end(question.body);
    return () => sent.destroy();
  });
}

const serverName = ({ serverName, host }: ProbeTarget): { servername?: string } => {
  if (serverName !== undefined) return { servername: serverName };
  return isIP(host) === 0 ? { servername: host } : {};
};

const clientOptions = ({ client }: ProbeTarget): { cert?: string; key?: string } =>
  client === undefined ? {} : { cert: client.certificate, key: client.key };

type Start<T> = (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void;

/** One exchange with an end: by answer, error, timeout or abort; the connection is closed in every case. */
async function settle<T>(target: ProbeTarget, signal: AbortSignal, start: Start<T>): Promise<T> {
  const timeoutMs = target.timeoutMs ?? defaultTimeoutMs;
  const where = `${target.host}:${target.port}`;
  if (signal.aborted) throw new CertError('Aborted', `interrupted before asking ${where}`);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  const abort = (): void => reject(new CertError('Aborted', `interrupted while asking ${where}`));
  signal.addEventListener('abort', abort, { once: true });
  let stop: (() => void) | undefined;
  try {
    stop = start(resolve, reject);
    return await promise;
  } catch (error) {
    if (error instanceof CertError) throw error;
    throw new CertError('Unreachable', `${where} does not answer: ${describeError(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    stop?.();
  }
}
