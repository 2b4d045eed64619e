// Secrets with key and certificate of the product's own TLS servers (R9): the leader makes each, and makes it anew before
// it ends. One that a person put there instead (cert-manager's, say) is used and never changed.
import { serviceNames } from '../kube/objects.ts';
import { createPrivateKey } from 'node:crypto';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { resources } from '../kube/resources.ts';
import { privateNamespace } from '../kube/types.ts';
import type { Logger } from '../log.ts';
import { keyFits } from '../pki/keys.ts';
import { parseCertificate } from '../pki/parse.ts';
import { readPem } from '../pki/pem.ts';
import { makeServing, servingLifetime, type ServingMaterial } from '../pki/serving.ts';
import { isSignedBy } from '../pki/verify.ts';

/** A server whose Secret is kept. */
export interface ServingSecret {
  readonly name: string;
  readonly namespace: string;
  /** DNS names by which clients reach it; the first is for people, too. */
  readonly names: readonly string[];
}

/** The controller's Service, in front of its metrics; the chart makes it. */
export const metricsService = { name: 'cluster-cert-rotator-controller', port: 8443 } as const;

export const metricsServing: ServingSecret = {
  name: `${metricsService.name}-tls`,
  namespace: privateNamespace,
  names: serviceNames(metricsService.name, privateNamespace),
};

const managedBy = { 'app.kubernetes.io/managed-by': 'cluster-cert-rotator' } as const;
const fields = { ca: 'ca.crt', certificate: 'tls.crt', key: 'tls.key' } as const;

/** Milliseconds between two looks. */
const every = 60_000;

export class ServingKeeper {
  readonly #client: KubeClient;
  readonly #wanted: readonly ServingSecret[];
  readonly #log: Logger;
  #keptAt = Number.NEGATIVE_INFINITY;

  /** `client`: fenced by the term. */
  constructor(client: KubeClient, wanted: readonly ServingSecret[], log: Logger) {
    this.#client = client;
    this.#wanted = wanted;
    this.#log = log;
  }

  /** Errors: those of the API. */
  async keep(now: Date): Promise<void> {
    if (performance.now() - this.#keptAt < every) return;
    for (const wanted of this.#wanted) await this.#keepOne(wanted, now);
    this.#keptAt = performance.now();
  }

  async #keepOne(wanted: ServingSecret, now: Date): Promise<void> {
    const { name, namespace } = wanted;
    const existing = await this.#client.get(resources.secrets, { name, namespace });
    const secret = decideServing(wanted, existing, now);
    if (secret === undefined) return;
    const verb = existing === undefined ? 'create' : 'replace';
    const { ok } = await this.#client[verb](resources.secrets, secret);
    this.#log.info({ name, namespace, ok }, 'a serving certificate is made');
  }
}

/** The Secret as it must be; undefined: as it is. Pure but for the random keys. */
export function decideServing(
  { name, namespace, names }: ServingSecret,
  existing: Secret | undefined,
  now: Date,
): Secret | undefined {
  if (existing !== undefined && (!isOurs(existing) || isGood(existing, names, now))) return undefined;
  const sans = names.map((value) => ({ kind: 'dns', value }) as const);
  const made = makeServing({ commonName: names[0] ?? name, sans, now });
  return {
    ...existing,
    metadata: {
      ...existing?.metadata,
      name,
      namespace,
      labels: {
        ...existing?.metadata?.labels,
        'app.kubernetes.io/name': 'cluster-cert-rotator',
        ...managedBy,
      },
    },
    type: 'kubernetes.io/tls',
    data: Object.fromEntries(
      (['ca', 'certificate', 'key'] as const).map((part) => [fields[part], base64(made[part])]),
    ),
  };
}

/** What the Secret holds; undefined: it is not made yet. Errors: NotFound when a field is missing, those of the API. */
export async function servingOf(
  client: KubeClient,
  { name, namespace }: ServingSecret,
): Promise<ServingMaterial | undefined> {
  const secret = await client.get(resources.secrets, { name, namespace });
  return secret === undefined ? undefined : servingMaterialOf(secret);
}

/** Errors: NotFound when a field is missing. */
export function servingMaterialOf({ metadata, data }: Secret): ServingMaterial {
  const read = (field: string): string => {
    const value = data?.[field];
    if (value !== undefined) return Buffer.from(value, 'base64').toString('utf8');
    const where = `Secret ${metadata?.namespace}/${metadata?.name}`;
    throw new CertError('NotFound', `${where} has no field ${field}; delete it: a new one is made`);
  };
  return { ca: read(fields.ca), certificate: read(fields.certificate), key: read(fields.key) };
}

function isOurs({ metadata }: Secret): boolean {
  return Object.entries(managedBy).every(([name, value]) => metadata?.labels?.[name] === value);
}

/** It serves these names for more than a third of its life from now on, and its parts fit together. */
function isGood(secret: Secret, names: readonly string[], now: Date): boolean {
  try {
    const { ca, certificate, key } = servingMaterialOf(secret);
    const [root, leaf] = [first(ca), first(certificate)];
    const has = new Set(leaf.sans.map(({ value }) => value));
    return (
      leaf.notAfter.getTime() - now.getTime() > servingLifetime / 3 &&
      names.every((name) => has.has(name)) &&
      keyFits(leaf, createPrivateKey(key)) &&
      isSignedBy(leaf, root)
    );
  } catch {
    // Whatever is wrong with it, it is made anew.
    return false;
  }
}

function first(text: string) {
  const [block] = readPem(text);
  if (block === undefined) throw new CertError('MalformedPem', 'holds no certificate');
  return parseCertificate(block.der);
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
