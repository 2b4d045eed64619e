// For tests only: authorities made by openssl, leaves signed by them, and an API server in memory.
import { execFileSync } from 'node:child_process';
import { randomUUID, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Node } from 'kubernetes-types/core/v1.js';
import { CertError } from '../../errors.ts';
import type { KubeClient, Named } from '../../kube/client.ts';
import type { ObjectRef, Resource } from '../../kube/resources.ts';
import type { Certificate, KeyAlgorithm } from '../../pki/certificate.ts';
import { issueFromIdentity, newSerial, type Identity } from '../../pki/issue.ts';
import { generateLike, readPrivateKey, type KeyPair } from '../../pki/keys.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { readPem } from '../../pki/pem.ts';
import { validity } from '../../pki/time.ts';

export interface TestCa {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly certPem: string;
  readonly keyPem: string;
}

/** A self-signed CA as openssl makes it. `algorithm`: an argument of `openssl req -newkey`. */
export function makeCa(name: string, algorithm = 'ec', days = 3650): TestCa {
  const directory = mkdtempSync(join(tmpdir(), 'ca-'));
  const path = (file: string): string => join(directory, file);
  try {
    const curve = algorithm === 'ec' ? ['-pkeyopt', 'ec_paramgen_curve:P-256'] : [];
    // The key usage that kubeadm gives its CAs.
    const usage = ['-addext', 'keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign'];
    const subject = ['-subj', `/CN=${name}`, '-days', String(days), ...usage];
    const files = ['-nodes', '-keyout', path('key'), '-out', path('crt')];
    execFileSync('openssl', ['req', '-x509', '-newkey', algorithm, ...curve, ...files, ...subject], {
      stdio: 'pipe',
    });
    const certPem = readFileSync(path('crt'), 'utf8');
    const keyPem = readFileSync(path('key'), 'utf8');
    const der = readPem(certPem)[0]?.der ?? new Uint8Array();
    return { certificate: parseCertificate(der), key: readPrivateKey(keyPem).key, certPem, keyPem };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export interface Leaf {
  readonly certificate: Certificate;
  readonly pair: KeyPair;
}

/** A leaf of a CA with a key of its own. */
export function makeLeaf(
  ca: TestCa,
  identity: Partial<Identity> & { readonly commonName: string },
  keyAlgorithm: KeyAlgorithm = 'P-256',
): Leaf {
  const pair = generateLike({ keyAlgorithm });
  const times = validity({ now: new Date(), lifetimeMs: 864e5, backdateMs: 0, ca: ca.certificate });
  const full = { organizations: [], sans: [], extendedKeyUsages: ['serverAuth' as const], ...identity };
  const order = { ca: ca.certificate, caKey: ca.key, spki: pair.spki, serial: newSerial(), ...times };
  return { certificate: issueFromIdentity({ ...order, identity: full }), pair };
}

export function makeNode(name: string, addresses: readonly string[], controlPlane = false): Node {
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      labels: controlPlane ? { 'node-role.kubernetes.io/control-plane': '' } : {},
    },
    status: {
      addresses: [
        ...addresses.map((address) => ({ type: 'InternalIP', address })),
        { type: 'Hostname', address: name },
      ],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

interface Stored {
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly data?: unknown;
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly annotations?: unknown;
    readonly labels?: unknown;
  };
}

const missing = (): never => {
  throw new Error('not in MemoryApi');
};

/** Enough of an API server: names, UIDs, resourceVersions, conflicts. `refuse` makes writes fail. */
export class MemoryApi implements Pick<KubeClient, 'get' | 'list' | 'create' | 'replace' | 'delete'> {
  readonly objects = new Map<string, Stored>();
  readonly writes: string[] = [];
  refuse: ((what: string) => CertError | undefined) | undefined;
  #version = 0;

  /** As the whole client, for code that uses no more than these calls. */
  get client(): KubeClient {
    return {
      get: this.get.bind(this),
      list: this.list.bind(this),
      create: this.create.bind(this),
      replace: this.replace.bind(this),
      delete: this.delete.bind(this),
      patch: missing,
      patchStatus: missing,
      watch: missing,
      raw: missing,
      credentials: missing,
    };
  }

  put(kind: string, object: Stored): void {
    const { name = '', namespace = '' } = object.metadata ?? {};
    this.objects.set(
      key(kind, { name, namespace }),
      this.#stamp(object, object.metadata?.uid ?? randomUUID()),
    );
  }

  read<T>(of: Resource<T>, ref: ObjectRef): T | undefined {
    const object = this.objects.get(key(of.kind, ref));
    return object === undefined ? undefined : retype<T>(object);
  }

  async get<T>(of: Resource<T>, ref: ObjectRef): Promise<T | undefined> {
    return Promise.resolve(this.read(of, ref));
  }

  async list<T>(of: Resource<T>) {
    const items = [...this.objects]
      .filter(([at]) => at.startsWith(`${of.kind}|`))
      .map(([, one]) => retype<T>(one));
    return Promise.resolve({ items, resourceVersion: String(this.#version) });
  }

  async create<T extends Named>(of: Resource<T>, object: T) {
    const at = key(of.kind, refOf(object));
    this.#note(`create ${at}`);
    if (this.objects.has(at)) return { ok: false, why: 'exists', message: `${at} exists` } as const;
    const stored = this.#stamp({ apiVersion: of.apiVersion, kind: of.kind, ...object }, randomUUID());
    this.objects.set(at, stored);
    return Promise.resolve({ ok: true, object: retype<T>(stored) } as const);
  }

  async replace<T extends Named>(of: Resource<T>, object: T, subresource?: string) {
    const at = key(of.kind, refOf(object));
    this.#note(`replace ${at}${subresource === undefined ? '' : `/${subresource}`}`);
    const before = this.objects.get(at);
    if (before === undefined) return { ok: false, why: 'gone', message: `${at} is gone` } as const;
    const given: Stored = object;
    if (given.metadata?.resourceVersion !== before.metadata?.resourceVersion) {
      return { ok: false, why: 'conflict', message: `${at} was changed` } as const;
    }
    const stored = this.#stamp(given, before.metadata?.uid ?? '');
    this.objects.set(at, stored);
    return Promise.resolve({ ok: true, object: retype<T>(stored) } as const);
  }

  async delete<T>(of: Resource<T>, ref: ObjectRef, { uid }: { readonly uid: string }) {
    const at = key(of.kind, ref);
    this.#note(`delete ${at}`);
    const before = this.objects.get(at);
    if (before?.metadata?.uid !== uid) return { ok: false, why: 'gone', message: `${at} is gone` } as const;
    this.objects.delete(at);
    return Promise.resolve({ ok: true, object: undefined } as const);
  }

  #note(what: string): void {
    const error = this.refuse?.(what);
    if (error !== undefined) throw error;
    this.writes.push(what);
  }

  #stamp(object: Stored, uid: string): Stored {
    this.#version += 1;
    return { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(this.#version) } };
  }
}

function key(kind: string, { name, namespace = '' }: ObjectRef): string {
  return `${kind}|${namespace}/${name}`;
}

function refOf(object: Named): ObjectRef {
  const { name = '', namespace = '' } = object.metadata ?? {};
  return { name, namespace };
}

/** JSON there and back: what a caller gets shares nothing with what is stored. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what it stored
function retype<T>(object: object): T {
  const copy: T = JSON.parse(JSON.stringify(object));
  return copy;
}
