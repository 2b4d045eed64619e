// The signer of a rotation in the cluster: one CertificateSigningRequest per key, answered by the controller. What is
// signed follows from the old certificate, its owner's signature (R4) and the token's Pod, never from the request.
import { createHash, randomBytes } from 'node:crypto';
import { CertError } from '../errors.ts';
import { annotations, signerName } from '../kube/types.ts';
import type { Certificate } from '../pki/certificate.ts';
import { parseCertificate } from '../pki/parse.ts';
import { pem, readPem } from '../pki/pem.ts';
import type { SignedCertificate, Signer, SigningRequest } from '../rotation/types.ts';
import type { Api, ApiAnswer } from './api.ts';

export interface ClusterSignerOptions {
  readonly api: Api;
  readonly rotationName: string;
  /** Whether the cluster's CA signed it: without that there is no old key to prove with (R3). */
  readonly isOurs: (request: SigningRequest) => boolean;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds until nobody is expected to sign any more. */
  readonly patience?: number;
}

const collection = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
/** A controller that leads signs at once; then each look waits longer, up to `pollMs`. */
const firstLookMs = 50;
const pollMs = 1000;
const longestPauseMs = 5000;
const tenMinutes = 600_000;

interface Open {
  readonly request: SigningRequest;
  readonly name: string;
}

export function clusterSigner(options: ClusterSignerOptions): Signer {
  return async (requests, signal) => {
    const patience = new Patience(options, signal);
    const open: Open[] = [];
    for (const request of await Promise.all(requests)) open.push(await create(request, options, patience));
    const signed: SignedCertificate[] = [];
    for (const one of open) {
      signed.push({ key: one.request.key, certificate: await collect(one, patience) });
    }
    return signed;
  };
}

/** Repeats calls while the API is away, each pause longer than the last, until the time is up. */
class Patience {
  readonly #options: ClusterSignerOptions;
  readonly signal: AbortSignal;
  #left: number;
  #pause = pollMs;

  constructor(options: ClusterSignerOptions, signal: AbortSignal) {
    this.#options = options;
    this.signal = signal;
    this.#left = options.patience ?? tenMinutes;
  }

  async call(what: Parameters<Api>[0]): Promise<ApiAnswer> {
    for (;;) {
      const answer = await this.#try(what);
      if (!(answer instanceof CertError)) {
        this.#pause = pollMs;
        return answer;
      }
      await this.rest(answer, this.#pause);
      this.#pause = Math.min(this.#pause * 2, longestPauseMs);
    }
  }

  /** @throws CertError `cause` when the time is up */
  async rest(cause: CertError, pause: number): Promise<void> {
    if (this.#left <= 0) throw cause;
    this.#left -= pause;
    await this.#options.sleep(pause, this.signal);
  }

  /** What passes by itself comes back as a value. */
  async #try(what: Parameters<Api>[0]): Promise<ApiAnswer | CertError> {
    try {
      const answer = await this.#options.api(what, this.signal);
      if (answer.status !== 429 && answer.status < 500) return answer;
      return new CertError(
        'Unreachable',
        `the API server answers ${answer.status}: ${messageOf(answer.body)}`,
      );
    } catch (error) {
      if (error instanceof CertError && error.code === 'Unreachable') return error;
      throw error;
    }
  }
}

async function create(
  request: SigningRequest,
  options: ClusterSignerOptions,
  patience: Patience,
): Promise<Open> {
  const name = requestName(options.rotationName, request.key);
  const body = objectFor(request, name, options);
  const answer = await patience.call({ method: 'POST', path: collection, body });
  // Its answer may have been lost: then it is there, and the name is ours alone.
  if (answer.status === 201 || answer.status === 409) return { request, name };
  throw refused(`the API server takes no request for ${request.key}`, answer);
}

/** The object that asks for one certificate. */
function objectFor(request: SigningRequest, name: string, options: ClusterSignerOptions): object {
  const { oldCertificate, possession } = request;
  const renews =
    possession !== undefined && options.isOurs(request) ? renewalNote(oldCertificate, possession) : undefined;
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: {
      name,
      annotations: {
        [annotations.rotation]: options.rotationName,
        [annotations.certificate]: request.id ?? request.key,
        ...(renews === undefined ? {} : { [annotations.renews]: renews }),
      },
    },
    spec: {
      signerName,
      request: base64(pem('CERTIFICATE REQUEST', request.requestDer)),
      usages: usagesOf(oldCertificate),
    },
  };
}

function renewalNote(old: Certificate, signature: Uint8Array): string {
  return base64(
    JSON.stringify({
      certificate: pem('CERTIFICATE', old.der),
      signature: Buffer.from(signature).toString('base64'),
    }),
  );
}

/** What the old certificate is for; only RSA keys encipher. */
function usagesOf(old: Certificate): readonly string[] {
  return [
    'digital signature',
    ...(old.keyAlgorithm.startsWith('RSA') ? ['key encipherment'] : []),
    ...old.extendedKeyUsages.flatMap((usage) => extendedNames[usage] ?? []),
  ];
}

const extendedNames: Readonly<Record<string, string>> = {
  serverAuth: 'server auth',
  clientAuth: 'client auth',
};

/** Unique, so that a Pod that runs again never takes the answer to another key. */
function requestName(rotationName: string, key: string): string {
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 8);
  const head = rotationName.slice(0, 230).replace(/[.-]+$/u, '');
  return `${head}-${hash}-${randomBytes(3).toString('hex')}`;
}

async function collect({ request, name }: Open, patience: Patience): Promise<Certificate> {
  for (let pause = firstLookMs; ; pause = Math.min(pause * 2, pollMs)) {
    const answer = await patience.call({ method: 'GET', path: `${collection}/${name}` });
    if (answer.status !== 200) throw refused(`the request ${name} for ${request.key} cannot be read`, answer);
    const status = field(answer.body, 'status');
    const denial = conditionsOf(status).find(({ type }) => type === 'Denied' || type === 'Failed');
    if (denial !== undefined) {
      throw new CertError('SigningRefused', `${request.key} is not signed: ${denial.message}`);
    }
    const certificate = field(status, 'certificate');
    if (typeof certificate === 'string' && certificate !== '') return readAnswer(certificate, request.key);
    await patience.rest(
      new CertError(
        'Unreachable',
        `nobody signed ${request.key} (CertificateSigningRequest ${name}) in time`,
      ),
      pause,
    );
  }
}

/** The first certificate of the answer; whether it fits is the procedure's to judge. */
function readAnswer(text: string, key: string): Certificate {
  const block = readPem(Buffer.from(text, 'base64').toString('latin1')).find(
    ({ label }) => label === 'CERTIFICATE',
  );
  if (block === undefined) throw new CertError('MalformedPem', `the answer to ${key} holds no certificate`);
  return parseCertificate(block.der);
}

function refused(what: string, { status, body }: ApiAnswer): CertError {
  return new CertError('Denied', `${what}: ${status} ${messageOf(body)}`);
}

function messageOf(body: unknown): string {
  const message = field(body, 'message');
  return typeof message === 'string' ? message.slice(0, 500) : 'without a message';
}

function conditionsOf(status: unknown): readonly { readonly type: string; readonly message: string }[] {
  const conditions = field(status, 'conditions');
  if (!Array.isArray(conditions)) return [];
  return conditions.flatMap((condition: unknown) => {
    const [type, reason, message] = [
      field(condition, 'type'),
      field(condition, 'reason'),
      field(condition, 'message'),
    ];
    if (typeof type !== 'string') return [];
    const words = [reason, message].filter((word) => typeof word === 'string' && word !== '');
    return [{ type, message: words.join(': ') || 'without a reason' }];
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
